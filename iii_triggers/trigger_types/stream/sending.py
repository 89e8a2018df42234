"""Telling of what is not written to our own store: each event takes the next number of its group.

What comes while numbers are taken waits, and then takes its numbers together: many clients that
publish cost the database few transactions.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError

from iii_triggers.engine.database import DatabaseThread
from iii_triggers.protocol.errors import LimitExceeded
from iii_triggers.store.counts import take_many
from iii_triggers.store.keys import InvalidKey, check_group

from .events import Happening, StreamEvent, event_of
from .kept import GroupName
from .places import Place

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Events that may wait for their numbers."""
FINISH_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """An event that waits."""

    place: Place
    happening: Happening
    told: asyncio.Future[None]


@dataclass(slots=True, kw_only=True)
class Sending:
    """Numbers events and tells of them, in the order in which they came."""

    database: DatabaseThread
    tell: Callable[[StreamEvent], None]
    _waiting: list[Letter] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def send(self, place: Place, happening: Happening) -> asyncio.Future[None]:
        """Tell soon, whether or not the caller waits for the result. Raise LimitExceeded.

        An event goes without a number when its group has a name that cannot be kept, or the
        database fails.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise LimitExceeded("Too many events wait to be sent.")
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            check_group(place.group)
        except InvalidKey:
            self.tell(event_of(place, happening, seq=None))
            told.set_result(None)
            return told
        self._waiting.append(Letter(place, happening, told))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send_all())
        return told

    async def finish(self) -> None:
        """Wait, for a moment, until all is told."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=FINISH_S)

    async def _send_all(self) -> None:
        while self._waiting:
            letters, self._waiting = self._waiting, []
            numbers = await self._numbers(Counter(letter.place.group for letter in letters))
            for letter in letters:
                self._send(letter, numbers)
        self._task = None

    async def _numbers(self, counts: Counter[GroupName]) -> dict[GroupName, int]:
        """Take numbers; return the first of each group, nothing if there are none to be had."""
        try:
            last = await self.database.run(take_many, counts)
        except DatabaseError:
            logger.exception("Events of streams go without numbers.")
            return {}
        return {group: last[group] - counts[group] + 1 for group in last}

    def _send(self, letter: Letter, numbers: dict[GroupName, int]) -> None:
        seq = numbers.get(letter.place.group)
        if seq is not None:
            numbers[letter.place.group] = seq + 1
        try:
            self.tell(event_of(letter.place, letter.happening, seq=seq))
        except Exception:
            logger.exception("An event of a stream could not be told.")
        if not letter.told.done():
            letter.told.set_result(None)
