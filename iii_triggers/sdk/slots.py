"""How many handlers run at once.

A handler that waits for a call it made gives its slot back meanwhile: otherwise a function that
calls another one of the same worker would wait for itself once all slots are taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar


class _Slot:
    """The slot of one handler; ``waiting`` counts the calls that it waits for."""

    def __init__(self, semaphore: asyncio.Semaphore) -> None:
        self.semaphore = semaphore
        self.waiting = 0
        self.ended = False
        self._held = False

    async def take(self) -> None:
        if self._held:
            return
        await self.semaphore.acquire()
        # Meanwhile the handler may have ended, made another call, or got the slot elsewhere.
        if self.ended or self.waiting or self._held:
            self.semaphore.release()
        else:
            self._held = True

    def give_back(self) -> None:
        if self._held:
            self._held = False
            self.semaphore.release()


_current: ContextVar[_Slot | None] = ContextVar("iii_slot", default=None)


class Slots:
    """Bounds the handlers that run at once; ``limit`` None means no bound."""

    def __init__(self, limit: int | None) -> None:
        self._semaphore = None if limit is None else asyncio.Semaphore(limit)

    @asynccontextmanager
    async def occupied(self) -> AsyncIterator[None]:
        """Hold a slot, waiting for one first."""
        if self._semaphore is None:
            yield
            return
        slot = _Slot(self._semaphore)
        await slot.take()
        token = _current.set(slot)
        try:
            yield
        finally:
            _current.reset(token)
            slot.ended = True
            slot.give_back()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Give the slot of the current handler, if there is one, to others for a while."""
        slot = _current.get()
        if slot is None or slot.semaphore is not self._semaphore:
            yield
            return
        slot.waiting += 1
        slot.give_back()
        try:
            yield
        finally:
            slot.waiting -= 1
            if not slot.waiting and not slot.ended:
                await slot.take()
