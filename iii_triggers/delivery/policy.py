"""How a delivery is tried: attempts, backoff, limits of its lane."""

from __future__ import annotations

import random
from typing import Any, Literal

import msgspec

from iii_triggers.conf import settings

JITTER = 0.1


class Replayed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The run that a delivery repeats, and the trigger it was of."""

    run_id: str
    trigger_type: str = ""
    trigger_id: str = ""


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Stored with each delivery; None is the setting of the site at the time it is needed."""

    max_attempts: int | None = None
    """How often the function is started at most; None is ``III_MAX_ATTEMPTS``."""
    backoff_ms: int | None = None
    """Pause after the first failure; None is ``III_BACKOFF_MS``."""
    backoff_type: Literal["exponential", "fixed"] = "exponential"
    concurrency: int | None = None
    """How many deliveries of the lane run at the same time; None is as many as workers do."""
    timeout_ms: int | None = None
    """How long one attempt may take; None is ``III_DELIVERY_TIMEOUT_S``."""
    condition_function_id: str | None = None
    """A function that is asked first; a plain ``false`` skips the delivery."""
    condition_error: Literal["fail", "skip"] = "fail"
    """What an error of the condition function means."""
    is_ordered: bool = False
    """Whether deliveries of a key run one by one, in order."""
    order_by: str | None = None
    """Key of the data that orders; None is one order for the whole lane."""
    delay_s: float = 0
    """How long a message waits before its first attempt."""
    replays: Replayed | None = None
    """Noted here because nobody but the engine writes it: for the history of the runs."""

    @property
    def attempts(self) -> int:
        """How often the function is started at most."""
        return self.max_attempts or settings.III_MAX_ATTEMPTS

    @property
    def timeout_s(self) -> float:
        """How long one attempt may take."""
        if self.timeout_ms is not None:
            return self.timeout_ms / 1000
        return settings.III_DELIVERY_TIMEOUT_S

    def pause_s(self, failures: int) -> float:
        """Return how long to wait after that many failures: doubled each time, capped, jittered."""
        base = settings.III_BACKOFF_MS if self.backoff_ms is None else self.backoff_ms
        factor = 1 if self.backoff_type == "fixed" else 2 ** min(failures - 1, 30)
        pause_ms = min(base * factor, max(base, settings.III_MAX_BACKOFF_MS))
        # Not for secrets: it only keeps failures that came together from coming back together.
        return pause_ms / 1000 * (1 + random.random() * JITTER)  # noqa: S311

    def as_json(self) -> dict[str, Any]:
        """Return the policy as it is stored: what differs from the defaults."""
        stored: dict[str, Any] = msgspec.to_builtins(self)
        return stored

    @classmethod
    def of(cls, stored: Any) -> Policy:
        """Return the stored policy; keys of other versions are ignored."""
        return msgspec.convert(stored or {}, cls)
