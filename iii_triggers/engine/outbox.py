"""What waits to be sent to one channel of the channel layer.

A layer takes milliseconds for a message. Whatever comes while one is under way, and as long again,
goes together in the next, so that a busy node costs no more messages than an idle one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from channels.exceptions import ChannelFull

from iii_triggers.protocol.errors import ChannelSendFailed

logger = logging.getLogger(__name__)

BATCH = "iii.batch"
MAX_BATCH = 200
MAX_BATCH_BYTES = 1024 * 1024
MAX_WAITING = 20_000
"""Messages for one channel, beyond which the next is refused at once."""
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.5
LONGEST_REST_S = 0.01
ATTEMPT_S = 5.0
"""How long the layer may take for one message; it may wait for a server that is gone."""

OnLost = Callable[[ChannelSendFailed], None]


class ChannelLayer(Protocol):
    """What the bus needs of a channel layer."""

    async def new_channel(self, prefix: str = ...) -> str:
        """Return the name of a channel of this process."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send. Raise ChannelFull, or whatever the layer's transport raises."""

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel of this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that waits, and until when it may."""

    data: bytes
    deadline: float
    """On the clock of the loop."""
    on_lost: OnLost


class Outbox:
    """Sends messages to one channel, in order, each until its deadline."""

    def __init__(self, layer: ChannelLayer, channel: str) -> None:
        self._layer = layer
        self._channel = channel
        self._waiting: deque[Letter] = deque()

    def put(self, data: bytes, *, within_s: float, on_lost: OnLost) -> None:
        """Have a message sent; ``on_lost`` is called if that does not work out in time."""
        if len(self._waiting) >= MAX_WAITING:
            on_lost(ChannelSendFailed("Too many messages wait for another process."))
            return
        letter = Letter(
            data=data,
            deadline=asyncio.get_running_loop().time() + within_s,
            on_lost=on_lost,
        )
        self._waiting.append(letter)

    async def drain(self) -> None:
        """Send what waits, and what comes meanwhile.

        Between two messages it rests as long as the first took: on a busy node the next holds
        several times as much, and who makes one call after the other waits longer for the answer.
        """
        loop = asyncio.get_running_loop()
        while self._waiting:
            began = loop.time()
            await self._send(self._take())
            await asyncio.sleep(min(loop.time() - began, LONGEST_REST_S))

    def _take(self) -> list[Letter]:
        batch = [self._waiting.popleft()]
        size = len(batch[0].data)
        while self._waiting and len(batch) < MAX_BATCH:
            size += len(self._waiting[0].data)
            if size > MAX_BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _send(self, batch: list[Letter]) -> None:
        pause_s, reason = FIRST_PAUSE_S, "Too much waits for the other process."
        # Nothing late is sent: whoever gave a call up had it run elsewhere.
        while batch := list(_in_time(batch, reason)):
            failure = await self._try(batch)
            if failure is None:
                return
            reason = failure
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _try(self, batch: list[Letter]) -> str | None:
        """Send once; return why it did not work."""
        message = {"type": BATCH, "items": [letter.data for letter in batch]}
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await self._layer.send(self._channel, message)
        except ChannelFull:
            return "The queue of the other process is full."
        except Exception as error:
            logger.debug("The channel layer did not send.", exc_info=True)
            return f"The channel layer did not send: {type(error).__name__} {error}"
        return None


def _in_time(batch: Iterable[Letter], reason: str) -> Iterable[Letter]:
    now = asyncio.get_running_loop().time()
    for letter in batch:
        if letter.deadline > now:
            yield letter
        else:
            _lose(letter, reason)


def _lose(letter: Letter, reason: str) -> None:
    try:
        letter.on_lost(ChannelSendFailed(reason))
    except Exception:
        logger.exception("Nobody was told that a message was lost.")
