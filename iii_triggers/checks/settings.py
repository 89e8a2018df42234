"""Checks of the ``III_*`` settings: E001 to E004, E008 to E012, E014 to E016 and W001."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from django.conf import settings as site_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name

from iii_triggers.conf import Settings, settings
from iii_triggers.delivery.named_queues import named_queue_problems
from iii_triggers.delivery.queues import is_queue_name
from iii_triggers.engine.access.listeners import listener_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The values a number may have, both ends included."""

    minimum: float
    maximum: float = math.inf

    def describe(self) -> str:
        """Return the range in words."""
        if self.maximum == math.inf:
            return f"at least {self.minimum:g}"
        return f"from {self.minimum:g} to {self.maximum:g}"


_VARIABLES = re.compile(r"[A-Za-z0-9_*?\[\]!-]+")

COUNT = Range(minimum=1)
INTERVAL = Range(minimum=0.01, maximum=3600)
RETENTION = Range(minimum=1, maximum=1e9)
"""Up to 31 years: from further back than 1970 no id tells the time, and nothing would be pruned."""

RANGES = {
    "III_DEFAULT_TIMEOUT_MS": Range(minimum=1, maximum=24 * 60 * 60 * 1000),
    "III_MAX_FRAME_BYTES": Range(minimum=1024),
    "III_STREAM_MAX_FRAME_BYTES": Range(minimum=1024),
    "III_MAX_CHANNEL_FRAME_BYTES": Range(minimum=1024),
    "III_CHANNEL_TTL_S": Range(minimum=1),
    "III_STREAM_GRACE_MS": Range(minimum=0, maximum=10_000),
    "III_TRIGGER_TYPE_GRACE_MS": Range(minimum=0, maximum=10_000),
    "III_STREAM_GAP_MS": Range(minimum=1, maximum=60_000),
    "III_STREAM_RESUME_EVENTS": Range(minimum=0),
    "III_STREAM_RESUME_BYTES": Range(minimum=0),
    "III_MAX_ID_LENGTH": Range(minimum=1, maximum=255),
    "III_SITE_THREADS": Range(minimum=1, maximum=1000),
    "III_SYNC_INTERVAL_S": INTERVAL,
    "III_WRITE_INTERVAL_S": INTERVAL,
    "III_HEARTBEAT_INTERVAL_S": INTERVAL,
    "III_PING_INTERVAL_S": Range(minimum=0.1, maximum=3600),
    "III_PING_TIMEOUT_S": Range(minimum=0.1, maximum=3600),
    "III_NODE_TIMEOUT_S": INTERVAL,
    "III_SHUTDOWN_GRACE_S": Range(minimum=0, maximum=3600),
    "III_CLOSE_SPREAD_S": Range(minimum=0, maximum=60),
    "III_REGISTRATION_GRACE_S": Range(minimum=0, maximum=5),
    "III_BACKOFF_MS": Range(minimum=0),
    "III_AUTH_TIMEOUT_S": Range(minimum=0.1, maximum=600),
    "III_CONSUMER_THREADS": Range(minimum=1, maximum=1000),
    "III_SWEEP_INTERVAL_S": INTERVAL,
    "III_HISTORY_INTERVAL_S": INTERVAL,
    "III_HISTORY_PAYLOAD_BYTES": Range(minimum=0),
    "III_HISTORY_PAYLOADS_PER_S": Range(minimum=0),
    "III_HISTORY_RETENTION_S": RETENTION,
    "III_METRICS_FUNCTIONS": Range(minimum=0, maximum=10_000),
    "III_DELIVERY_RETENTION_S": RETENTION,
    "III_DEAD_RETENTION_S": RETENTION,
}
"""Numbers with limits of their own; every other number must be at least 1."""


def setting_types() -> Mapping[str, Any]:
    """Return the type of every setting, by name."""
    hints = get_type_hints(Settings)
    return {name: hint for name, hint in hints.items() if name.startswith("III_")}


def check_values(**_kwargs: Any) -> list[CheckMessage]:
    """Check type and value of every setting."""
    problems: list[CheckMessage] = []
    for name, annotation in setting_types().items():
        problems += check_value(name, annotation, getattr(settings, name))
    return problems or [*_check_node_timeout(), *_check_lease()]


def check_value(name: str, annotation: Any, value: Any) -> Iterator[CheckMessage]:
    """Check one setting: its type first, and the value only if that is right."""
    if get_origin(annotation) is Literal:
        yield from _check_choice(name, get_args(annotation), value)
    elif not _is_of_type(value, annotation):
        yield Error(
            f"{name} must be {_describe(annotation)}, not {value!r}.",
            hint=f"The default is {getattr(Settings, name)!r}.",
            id="iii_triggers.E001",
        )
    elif annotation in (int, float):
        yield from _check_range(name, RANGES.get(name, COUNT), value)
    elif name in _CHECKS:
        yield from _CHECKS[name](name, value)


def check_names(**_kwargs: Any) -> list[CheckMessage]:
    """Find settings that begin with ``III_`` and mean nothing."""
    known = list(setting_types())
    unknown = (name for name in dir(site_settings) if name.startswith("III_"))
    return [_unknown(name, known) for name in unknown if name not in known]


def _unknown(name: str, known: Sequence[str]) -> CheckMessage:
    close = get_close_matches(name, known, n=1)
    return Warning(
        f"{name} is not a setting of iii_triggers.",
        hint=f"Did you mean {close[0]}?" if close else "Remove it; docs/settings.md lists all.",
        id="iii_triggers.W001",
    )


def _is_of_type(value: Any, annotation: Any) -> bool:
    if annotation is bool:
        return isinstance(value, bool)
    if annotation in (int, float):
        is_number = isinstance(value, int if annotation is int else (int, float))
        return is_number and not isinstance(value, bool) and math.isfinite(value)
    if annotation is str:
        return isinstance(value, str)
    if get_origin(annotation) is dict:
        return isinstance(value, dict) and all(
            _is_of_type(key, str) and (kind is Any or _is_of_type(item, kind))
            for key, item in value.items()
            for kind in get_args(annotation)[1:]
        )
    kind = dict if get_origin(get_args(annotation)[0]) is dict else str
    is_sequence = isinstance(value, (list, tuple))
    return is_sequence and all(isinstance(item, kind) for item in value)


def _describe(annotation: Any) -> str:
    names = {bool: "True or False", int: "a whole number", float: "a number", str: "a string"}
    if get_origin(annotation) is dict:
        return "a dict of strings" if get_args(annotation)[1] is str else "a dict by name"
    if annotation == list[dict[str, Any]]:
        return "a list of dicts"
    return names.get(annotation, "a list of strings")


def _check_choice(name: str, choices: Sequence[str], value: Any) -> Iterator[CheckMessage]:
    if value not in choices:
        yield Error(
            f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}.",
            hint=f"The default is {getattr(Settings, name)!r}.",
            id="iii_triggers.E003",
        )


def _check_range(name: str, allowed: Range, value: float) -> Iterator[CheckMessage]:
    if not allowed.minimum <= value <= allowed.maximum:
        yield Error(
            f"{name} must be {allowed.describe()}, not {value!r}.",
            hint=f"The default is {getattr(Settings, name)!r}.",
            id="iii_triggers.E002",
        )


def _check_prefix(name: str, value: str) -> Iterator[CheckMessage]:
    is_path = value.startswith("/") and not value.endswith("/")
    if value and not (is_path and value.isascii() and not set(value) & set("?# \t\r\n\\")):
        yield Error(
            f"{name} must be empty or a path such as '/iii/http', not {value!r}.",
            hint="Begin it with '/' and do not end it with one.",
            id="iii_triggers.E004",
        )


def _check_origins(name: str, value: Sequence[str]) -> Iterator[CheckMessage]:
    for origin in value:
        if not _is_origin(origin) and not (origin == "*" and "CORS" in name):
            yield Error(
                f"{name} contains {origin!r}, which is not an origin.",
                hint="An origin is a scheme and a host, without a path: 'https://app.example'.",
                id="iii_triggers.E008",
            )


def _is_origin(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc) and origin == f"{parts.scheme}://{parts.netloc}"


def _check_node_timeout() -> Iterator[CheckMessage]:
    if settings.III_NODE_TIMEOUT_S <= settings.III_HEARTBEAT_INTERVAL_S:
        yield Error(
            "III_NODE_TIMEOUT_S must be longer than III_HEARTBEAT_INTERVAL_S.",
            hint="Otherwise living processes count as dead; several times as long is good.",
            id="iii_triggers.E009",
        )


def _check_lease() -> Iterator[CheckMessage]:
    if settings.III_LEASE_S <= settings.III_DELIVERY_TIMEOUT_S:
        yield Error(
            "III_LEASE_S must be longer than III_DELIVERY_TIMEOUT_S.",
            hint="Otherwise a delivery may be started a second time while it still runs.",
            id="iii_triggers.E010",
        )


def _check_queues(name: str, value: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for problem in named_queue_problems(value):
        yield Error(
            f"{name}: {problem}.",
            hint="The keys are max_retries, concurrency, type, message_group_field, backoff_ms.",
            id="iii_triggers.E011",
        )


def _check_topic_queues(name: str, value: Mapping[str, str]) -> Iterator[CheckMessage]:
    for topic, queue in value.items():
        if not is_queue_name(queue):
            yield Error(
                f"{name}: {queue!r}, for the topic {topic!r}, cannot be a queue of every broker.",
                hint="Write 1 to 255 bytes that do not begin with 'amq.'.",
                id="iii_triggers.E012",
            )


def _check_listeners(name: str, value: Sequence[Any]) -> Iterator[CheckMessage]:
    for problem in listener_problems(value):
        yield Error(
            f"{name}: {problem}.",
            hint="docs/access.md shows every key.",
            id="iii_triggers.E015",
        )


def _check_variables(name: str, value: Sequence[str]) -> Iterator[CheckMessage]:
    for pattern in value:
        if not _VARIABLES.fullmatch(pattern):
            yield Error(
                f"{name} contains {pattern!r}, which names no environment variable.",
                hint="Write names such as 'APP_HOST', or globs such as 'APP_*'.",
                id="iii_triggers.E014",
            )


def _check_endpoint(name: str, value: str) -> Iterator[CheckMessage]:
    if value and not value.startswith(("http://", "https://")):
        yield Error(
            f"{name} must be empty or a URL such as 'http://collector:4318', not {value!r}.",
            hint="Begin it with 'http://' or 'https://'; the engine adds '/v1/traces'.",
            id="iii_triggers.E016",
        )


_CHECKS: dict[str, Callable[[str, Any], Iterator[CheckMessage]]] = {
    "III_HTTP_PREFIX": _check_prefix,
    "III_ALLOWED_ORIGINS": _check_origins,
    "III_CORS_ALLOWED_ORIGINS": _check_origins,
    "III_QUEUES": _check_queues,
    "III_TOPIC_QUEUES": _check_topic_queues,
    "III_CONFIGURATION_ENV": _check_variables,
    "III_HTTP_FUNCTION_SECRETS": _check_variables,
    "III_OTLP_ENDPOINT": _check_endpoint,
    "III_WORKER_LISTENERS": _check_listeners,
}
