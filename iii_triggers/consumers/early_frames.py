"""Keeps what a peer sends before it is known who it is, and no more than a frame may hold."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import AuthenticationFailed

T = TypeVar("T")

Receive = Callable[[], Awaitable[dict[str, Any]]]

MAX_EARLY_FRAMES = 25_000


class PeerGone(Exception):
    """The peer went away before it was known who it is."""


class EarlyFrames:
    """Reads a socket while work is done, and gives what it read afterwards, in order."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._events: deque[dict[str, Any]] = deque()
        self._size = 0
        self._reading: asyncio.Task[dict[str, Any]] | None = None

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what ``work`` returns.

        Raise what it raises, PeerGone, or AuthenticationFailed for a peer that sends too much.
        """
        task = asyncio.create_task(work)
        try:
            while not task.done():
                await asyncio.wait({task, self._next()}, return_when=asyncio.FIRST_COMPLETED)
                self._keep()
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def receive(self) -> dict[str, Any]:
        """Return the next event of the socket."""
        if self._events:
            return self._events.popleft()
        if self._reading is not None:
            reading, self._reading = self._reading, None
            return await reading
        return await self._receive()

    async def stop(self) -> None:
        """End a read that nobody waits for."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _next(self) -> asyncio.Task[dict[str, Any]]:
        if self._reading is None:
            self._reading = asyncio.create_task(_read(self._receive))
        return self._reading

    def _keep(self) -> None:
        if self._reading is None or not self._reading.done():
            return
        event, self._reading = self._reading.result(), None
        if event["type"] == "websocket.disconnect":
            raise PeerGone
        self._events.append(event)
        self._size += len(event.get("text") or event.get("bytes") or "")
        if self._size > settings.III_MAX_FRAME_BYTES or len(self._events) > MAX_EARLY_FRAMES:
            raise AuthenticationFailed("Too much was sent before it was known who you are.")


async def _read(receive: Receive) -> dict[str, Any]:
    return await receive()
