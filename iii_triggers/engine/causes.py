"""Why a function is run: what the history notes beside the call itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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


class Caused(Protocol):
    """A call, or what is known of one that ended."""

    @property
    def function_id(self) -> str:
        """The function that was called."""

    @property
    def namespace(self) -> str:
        """Where it is."""

    @property
    def cause(self) -> Cause | None:
        """Why it was called."""
