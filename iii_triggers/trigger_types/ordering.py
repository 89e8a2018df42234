"""Putting in order what comes from several nodes, each of which numbers nothing alone.

Whatever has a number is handed on when all before it were; what is missing is waited for, but not
for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, kw_only=True, eq=False)
class InOrder(Generic[T]):
    """Hands on what it takes in the order of the numbers, each once, on one event loop."""

    deliver: Callable[[T], None]
    on_gap: Callable[[], None]
    """Called when something is missing for longer than ``wait_s``; it calls ``skip_to``."""
    wait_s: Callable[[], float]
    at: int | None = None
    """The number of what was handed on last; None before the first."""
    _expected: int = 0
    """The highest number that is known to be there, whether it came or not."""
    _early: dict[int, T] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None

    def take(self, number: int, item: T) -> bool:
        """Hand on now or later; tell whether the turn of the number has not passed already.

        The first item that comes is taken for the first there is.
        """
        if self.at is None:
            self.at = number - 1
        if number <= self.at:
            return False
        self._early[number] = item
        self.expect(number)
        return True

    def expect(self, number: int) -> None:
        """Know that there is something up to ``number``, and wait for what of it is missing."""
        self._expected = max(self._expected, number)
        self.hand_on()

    def begin(self, number: int) -> None:
        """Go on after ``number``, if nothing has come yet."""
        if self.at is None:
            self.at = number

    @property
    def first_early(self) -> int:
        """Where what has come goes on after the gap; beyond all that is known if nothing has."""
        return min(self._early, default=self._expected + 1)

    def skip_to(self, number: int) -> tuple[list[T], int]:
        """Go on after ``number``; return what has come up to there, and how much has not."""
        if self.at is None or number <= self.at:
            return [], 0
        come = [self._early.pop(early) for early in sorted(self._early) if early <= number]
        missing = number - self.at - len(come)
        self.at = number
        return come, missing

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hand_on(self) -> None:
        """Hand on what can be; wait if something is missing."""
        while self.at is not None and self.at + 1 in self._early:
            self.at += 1
            self.deliver(self._early.pop(self.at))
        if self.at is not None and self._expected > self.at and self._timer is None:
            self._wait(self.at)

    def _wait(self, at: int) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.wait_s(), self._look, at)

    def _look(self, at: int) -> None:
        """See whether the same is missing as before; one timer is cheaper than one for each gap."""
        self._timer = None
        if self.at == at:
            self.on_gap()
        else:
            self.hand_on()
