"""One channel: messages that wait between a writer and a reader, few enough to fit in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Literal

from .errors import ChannelBroken, ChannelClosed, ChannelTaken

Message = str | bytes
Direction = Literal["read", "write"]


class Channel:
    """A pipe with one writer and one reader, each of which may come and go before the other.

    A writer waits while ``max_messages`` or ``max_bytes`` wait for the reader; one message may go
    over the limit in bytes, or a large one could never pass.
    """

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages: deque[Message] = deque()
        self._size = 0
        self._taken: set[Direction] = set()
        self._is_finished = False
        self._is_broken = False
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._abandoned = asyncio.Event()

    @property
    def is_complete(self) -> bool:
        """Whether both sides were taken."""
        return len(self._taken) == 2

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody will read what is written."""
        return self._abandoned.is_set()

    @property
    def is_finished(self) -> bool:
        """Whether the writer has properly said that all is written."""
        return self._is_finished and not self._is_broken

    @property
    def holds_binary(self) -> bool:
        """Whether a binary message waits for the reader."""
        return any(isinstance(message, bytes) for message in self._messages)

    def take(self, direction: Direction) -> None:
        """Become the writer or the reader. Raise ChannelTaken if there was one."""
        if direction in self._taken:
            raise ChannelTaken()
        self._taken.add(direction)

    async def put(self, message: Message) -> None:
        """Write a message when there is room. Raise ChannelClosed when nobody reads any more."""
        await self._has_room.wait()
        if self.is_abandoned or self._is_finished:
            raise ChannelClosed()
        self._messages.append(message)
        self._size += len(message)
        if self._is_full():
            self._has_room.clear()
        self._arrived.set()

    async def get(self) -> Message | None:
        """Return the next message, None after the last. Raise ChannelBroken if there is no end."""
        while not self._messages:
            if self._is_broken:
                raise ChannelBroken()
            if self._is_finished or self.is_abandoned:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        message = self._messages.popleft()
        self._size -= len(message)
        if not self._is_full():
            self._has_room.set()
        return message

    def _is_full(self) -> bool:
        return len(self._messages) >= self._max_messages or self._size >= self._max_bytes

    def finish(self) -> None:
        """Say that all is written; what waits can still be read."""
        self._is_finished = True
        self._arrived.set()

    def break_off(self) -> None:
        """Say that the writer is gone and there will be no proper end."""
        if not self._is_finished:
            self._is_broken = True
            self.finish()

    def abandon(self) -> None:
        """Say that nobody reads any more: what waits is dropped, and the writer learns of it."""
        self._messages.clear()
        self._size = 0
        self._abandoned.set()
        self._has_room.set()
        self._arrived.set()

    async def wait_abandoned(self) -> None:
        """Return when nobody reads any more."""
        await self._abandoned.wait()
