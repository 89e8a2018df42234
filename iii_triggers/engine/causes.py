"""Why a function is run: what the history notes beside the call itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What made a call. A direct call has none."""

    trigger_type: str = ""
    trigger_id: str = ""
    delivery_id: str | None = None
    """UUID of the delivery that is run."""
    attempt: int = 1
    replay_of: str | None = None
    """UUID of the run that is repeated."""
