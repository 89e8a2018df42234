"""How busy the workers of another node are, as far as this one knows.

It knows its own calls there, and what the node said with its last answer. No message is sent for
this: a node that was not called lately is taken for idle, and the next answer tells.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

TOLD_S = 2.0
"""How long what a node said counts."""


@dataclass(slots=True, kw_only=True, eq=False)
class RemoteLoad:
    """Of the workers of one node that offer one function."""

    workers: int = 1
    in_flight: int = 0
    """Calls from here."""
    turn: float = 0.0
    """When it is called next, among equals; each call moves it on by its part of a turn."""
    _told: int = 0
    _told_at: float = 0.0
    _in_flight_then: int = 0

    def begin(self, others: Collection[RemoteLoad]) -> None:
        """Note a call from here; ``others`` offer the same function, this one may be among them.

        One that was passed over for long does not get all of the next calls.
        """
        self.in_flight += 1
        earliest = max((other.turn for other in others), default=0.0) - 1
        self.turn = max(self.turn, earliest) + 1 / self.workers

    def end(self) -> None:
        """Note that a call from here has ended."""
        self.in_flight -= 1

    def tell(self, executing: int) -> None:
        """Note how many calls, of whomever, those workers said they run."""
        self._told, self._told_at = executing, time.monotonic()
        self._in_flight_then = self.in_flight

    def per_worker(self) -> float:
        """Return how many calls each of the workers has, about."""
        calls = self.in_flight
        if self._told and time.monotonic() - self._told_at < TOLD_S:
            calls = max(calls, self._told + calls - self._in_flight_then)
        return calls / self.workers
