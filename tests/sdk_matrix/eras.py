"""What each version calls things, and what it does not have.

The names are those of the engine a version was published with (trigger reference, section 0.2);
what a version lacks is in OFFERS, the one place that may turn a cell into "not offered".
"""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from tests.e2e.environments import Sdk


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Since when, and until when, the SDK of a registry has a part; both inclusive.

    ``until`` empty: to this day. ``reason``: what a version outside of that lacks.
    """

    part: str
    registry: str
    since: str = "0"
    until: str = ""
    reason: str

    def covers(self, version: Version) -> bool:
        """Tell whether a version has the part."""
        return Version(self.since) <= version and (not self.until or version <= Version(self.until))


OFFERS = (
    Offer(
        part="channels",
        registry="pypi",
        since="0.4.0",
        reason="the SDK has neither create_channel nor channel readers and writers before 0.4.0",
    ),
    Offer(
        part="channels",
        registry="npm",
        since="0.9.0",
        reason="the SDK has neither createChannel nor channel readers and writers before 0.9.0",
    ),
    Offer(
        part="external",
        registry="pypi",
        since="0.4.0",
        reason="the SDK cannot register an HTTP-invoked function before 0.4.0",
    ),
    Offer(
        part="external",
        registry="npm",
        since="0.9.0",
        reason="the SDK cannot register an HTTP-invoked function before 0.9.0",
    ),
    Offer(part="enqueue", registry="pypi", since="0.9.0", reason="no TriggerAction before 0.9.0"),
    Offer(part="enqueue", registry="npm", since="0.9.0", reason="no TriggerAction before 0.9.0"),
    Offer(
        part="unregister_function",
        registry="pypi",
        since="0.2.1",
        reason="no unregisterfunction message before 0.2.1: a function stays as long as its worker",
    ),
    Offer(
        part="list_triggers",
        registry="pypi",
        since="0.9.0",
        until="0.11.3",
        reason="list_triggers came with 0.9.0 and went with 0.11.4",
    ),
    Offer(
        part="list_triggers",
        registry="npm",
        since="0.9.0",
        until="0.11.2",
        reason="listTriggers came with 0.9.0 and went after 0.11.2",
    ),
    Offer(
        part="list_trigger_types",
        registry="pypi",
        since="0.11.0",
        until="0.11.3",
        reason="list_trigger_types came with 0.11.0 and went with 0.11.4",
    ),
    Offer(
        part="list_trigger_types",
        registry="npm",
        since="0.11.2",
        until="0.11.2",
        reason="listTriggerTypes is in 0.11.2 only",
    ),
    Offer(
        part="watch_functions",
        registry="pypi",
        until="0.11.3",
        reason="on_functions_available went with 0.11.4",
    ),
    Offer(
        part="watch_functions",
        registry="npm",
        until="0.11.2",
        reason="onFunctionsAvailable went after 0.11.2",
    ),
)


@dataclass(frozen=True, slots=True)
class Era:
    """The names and parts of one version."""

    sdk: Sdk

    @property
    def version(self) -> Version:
        """The version, to compare with."""
        return Version(self.sdk.version)

    @property
    def is_dotted(self) -> bool:
        """Whether ids of the engine have dots, as in ``state.get``."""
        return self.sdk.registry == "pypi" and self.version < Version("0.2.0")

    @property
    def http(self) -> str:
        """The trigger type of HTTP requests."""
        return "api" if self.is_dotted else "http"

    @property
    def subscriber(self) -> tuple[str, str]:
        """The trigger type of queue topics, and the function that publishes to one."""
        if self.version < Version("0.11.0"):
            return "queue", "enqueue"
        return "durable:subscriber", "iii::durable::publish"

    @property
    def has_key_value_server(self) -> bool:
        """Whether its engine had ``kv_server::*``."""
        return not self.is_dotted and self.version < Version("0.9.0")

    @property
    def has_discovery(self) -> bool:
        """Whether its engine had the discovery functions as they are now."""
        return self.version >= Version("0.13.0")

    def id(self, family: str, name: str) -> str:
        """Return the id of an engine function, as in ``state::get``."""
        return f"{family}.{name}" if self.is_dotted else f"{family}::{name}"

    def lacks(self, part: str) -> str:
        """Return why this version has no such part; empty if it has."""
        for offer in OFFERS:
            if (offer.part, offer.registry) == (part, self.sdk.registry):
                return "" if offer.covers(self.version) else offer.reason
        return ""
