"""How many requests run at the same time: in all, and to one server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from iii_triggers.protocol.errors import LimitExceeded


@dataclass(slots=True)
class _Place:
    free: asyncio.Semaphore
    users: int = 0


@dataclass(slots=True, kw_only=True)
class Slots:
    """Lets calls in by turns; one server gets half of the slots at most, so that none takes all.

    What waits is bounded as well.
    """

    size: Callable[[], int]
    max_waiting: int = 1000
    _all: _Place | None = None
    _places: dict[Hashable, _Place] = field(default_factory=dict)

    @asynccontextmanager
    async def take(self, key: Hashable) -> AsyncIterator[None]:
        """Hold a slot. Raise LimitExceeded when too many wait already."""
        if self._all is None:
            self._all = _Place(asyncio.Semaphore(self.size()))
        if self._all.users >= self.size() + self.max_waiting:
            raise LimitExceeded("Too many HTTP-invoked functions run.")
        place = self._places.setdefault(key, _Place(asyncio.Semaphore((self.size() + 1) // 2)))
        place.users += 1
        self._all.users += 1
        try:
            async with place.free, self._all.free:
                yield
        finally:
            self._all.users -= 1
            place.users -= 1
            if not place.users:
                self._places.pop(key, None)
