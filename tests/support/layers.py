"""A channel layer in memory that several engines share, and that can lose messages."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from channels.exceptions import ChannelFull
from msgspec.msgpack import decode

Item = dict[str, Any]


class FakeLayer:
    """Delivers to channels of this process; the test says what goes wrong."""

    def __init__(self) -> None:
        self.queues: dict[str, asyncio.Queue[Any]] = {}
        self.sent: list[Item] = []
        """All messages that were delivered, in order."""
        self.loses: Callable[[Item], bool] = lambda item: False
        """Tells which messages get lost."""
        self.doubles = False
        """Whether everything arrives twice."""
        self.is_full = False
        self.refused = asyncio.Event()
        """Set when something was sent while the layer was full."""
        self.is_down = False
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()

    async def new_channel(self, prefix: str = "specific") -> str:
        """Return the name of a new channel."""
        self._check()
        channel = f"{prefix}.fake!{next(self._numbers)}"
        self.queues[channel] = asyncio.Queue()
        return channel

    async def send(self, channel: str, message: Item) -> None:
        """Deliver what is not to be lost."""
        self._check()
        if self.is_full:
            self.refused.set()
            raise ChannelFull()
        decoded = [(decode(item), item) for item in message["items"]]
        kept = [(item, data) for item, data in decoded if not self.loses(item)]
        batch = {"type": message["type"], "items": [data for _, data in kept]}
        for _ in range(2 if self.doubles else 1):
            self.sent += [item for item, _ in kept]
            self.queues[channel].put_nowait(batch)
        self._changed.set()

    async def receive(self, channel: str) -> Item:
        """Wait for a message; raise what a test put in its place."""
        self._check()
        message = await self.queues[channel].get()
        if isinstance(message, Exception):
            raise message
        return dict(message)

    def break_reader(self, channel: str) -> None:
        """Let whoever reads the channel fail once."""
        self.queues[channel].put_nowait(ConnectionError("the server restarts"))

    def deafen(self, channel: str) -> None:
        """Let whoever reads the channel now wait for ever."""
        self.queues[channel] = asyncio.Queue()

    def of_type(self, type_: str) -> list[Item]:
        """Return the messages of a type that were delivered."""
        return [item for item in self.sent if item["type"] == type_]

    async def delivered(self, type_: str, number: int = 1) -> list[Item]:
        """Wait until so many messages of a type were delivered."""
        async with asyncio.timeout(5):
            while len(self.of_type(type_)) < number:
                self._changed.clear()
                await self._changed.wait()
        return self.of_type(type_)

    def _check(self) -> None:
        if self.is_down:
            raise ConnectionError("no server")
