"""Frames on their way out: in order, and the calls among them kept while there is no connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from iii_triggers.protocol.errors import LimitExceeded

LIMIT = 1000


@dataclass(slots=True, eq=False)
class Outgoing:
    """A frame to send; one with ``keep`` survives until there is a connection."""

    frame: str
    keep: bool = False
    written: bool = False


class Outbox:
    """The queue between everyone who sends and the one task that writes to the socket."""

    def __init__(self, *, limit: int = LIMIT) -> None:
        self.online = False
        self._limit = limit
        self._entries: deque[Outgoing] = deque()
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    def __len__(self) -> int:
        return len(self._entries)

    def open(self, *, first: Iterable[str], last: Iterable[str]) -> None:
        """Begin a connection: ``first``, then what was kept, then ``last``, then what follows."""
        entries = [*map(Outgoing, first), *self._entries, *map(Outgoing, last)]
        self._entries = deque(entries)
        self.online = True
        self._drained.clear()
        self._filled.set()

    def close(self) -> None:
        """End a connection; only what is to be kept stays."""
        self.online = False
        self._entries = deque(entry for entry in self._entries if entry.keep)
        self._drained.set()

    def put(self, frame: str, *, keep: bool = False) -> Outgoing:
        """Queue ``frame``; without a connection it is dropped unless it is to be kept.

        Raise LimitExceeded when too much is waiting for a connection.
        """
        entry = Outgoing(frame, keep)
        if self.online:
            self._entries.append(entry)
            self._drained.clear()
            self._filled.set()
        elif keep:
            self._keep(entry)
        return entry

    def discard(self, entry: Outgoing) -> None:
        """Forget ``entry`` if it has not been written yet."""
        if not entry.written and entry in self._entries:
            self._entries.remove(entry)

    async def take(self) -> Outgoing:
        """Wait for the next entry, mark it as written and return it."""
        while not self._entries:
            self._drained.set()
            self._filled.clear()
            await self._filled.wait()
        entry = self._entries.popleft()
        entry.written = True
        return entry

    async def room(self) -> None:
        """Wait while a slow connection has too much to write."""
        while self.online and len(self._entries) >= self._limit:
            await self._drained.wait()

    async def drained(self) -> None:
        """Wait until everything is written, or the connection is gone."""
        await self._drained.wait()

    def _keep(self, entry: Outgoing) -> None:
        if len(self._entries) >= self._limit:
            raise LimitExceeded(f"{self._limit} calls already wait for a connection.")
        self._entries.append(entry)
