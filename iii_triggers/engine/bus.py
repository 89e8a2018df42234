"""Messages between nodes, over the channel layer of the site.

Every node reads one channel of its own, whose name stands in its row. The layer may lose a message
or deliver it twice; who sends one that matters sends it again, and what comes twice has one id.
The bus has a layer of its own: on one that is shared, two readers of one process block each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar, Union

from channels.layers import InMemoryChannelLayer, channel_layers
from msgspec import DecodeError, Struct
from msgspec.msgpack import Decoder, Encoder

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import ChannelSendFailed

from .bus_messages import Broadcast, BusMessage, ProbeMessage
from .outbox import BATCH, ChannelLayer, OnLost, Outbox

logger = logging.getLogger(__name__)

CHANNEL_PREFIX = "iii.node"
SEND_S = 5.0
"""How long a message may wait to be sent, when nobody says otherwise."""
OPEN_S = 3.0
"""How long the start of an engine waits for the layer; it goes on trying afterwards."""
FLUSH_S = 2.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
FAILURES_FOR_A_NEW_CHANNEL = 10
PROBES = 3
"""How many probes in a row may get lost."""


class Head(Struct):
    """What every message has."""

    type: str = ""


_encoder = Encoder()
_head_decoder = Decoder(Head)

M = TypeVar("M", bound=BusMessage)
Handler = Callable[[Any], None]
Deliver = Callable[[], None]
"""Hands a message to its handler."""
LayerFactory = Callable[[], ChannelLayer | None]


def site_layer() -> ChannelLayer | None:
    """Return a new instance of the site's layer; None if it does not reach other processes."""
    if settings.III_CHANNEL_LAYER not in channel_layers:
        return None
    layer: ChannelLayer = channel_layers.make_backend(settings.III_CHANNEL_LAYER)
    return None if isinstance(layer, InMemoryChannelLayer) else layer


class Bus:
    """Sends messages to the channels of nodes, and hands out those that come to its own."""

    def __init__(
        self, *, make_layer: LayerFactory, on_channel: Callable[[str], Awaitable[None]]
    ) -> None:
        self.channel = ""
        self.on_broadcast: Callable[[Broadcast, Deliver], None] | None = None
        """Decides when broadcasts that have a number are delivered, and whether they are."""
        self._make_layer = make_layer
        self._on_channel = on_channel
        self._layer: ChannelLayer | None = None
        self._handlers: dict[type[BusMessage], Handler] = {}
        self._decoder: Decoder[BusMessage] | None = None
        self._outboxes: dict[str, Outbox] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._unheard = 0
        self.on(ProbeMessage, self._on_probe)

    @property
    def is_on(self) -> bool:
        """Whether there is a layer that reaches other processes, and the bus was opened."""
        return self._layer is not None

    def on(self, type_: type[M], handler: Callable[[M], None]) -> None:
        """Have messages of a type handled; handlers do not wait and what they raise is logged."""
        self._handlers[type_] = handler
        self._decoder = None

    async def open(self) -> None:
        """Take a channel and read it from now on; without a layer nothing happens."""
        self._layer = self._make_layer()
        if self._layer is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(OPEN_S):
                await self._attempt(self._take_channel)
        self._reader = self._keep(self._read())

    async def close(self) -> None:
        """Send what waits, for a moment, and stop."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        sending = [task for task in self._tasks if task is not self._reader]
        if sending:
            await asyncio.wait(sending, timeout=FLUSH_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _close_layer(layer)

    def send(
        self,
        channel: str,
        message: BusMessage,
        *,
        within_s: float = SEND_S,
        on_lost: OnLost | None = None,
    ) -> None:
        """Send without waiting; ``on_lost`` learns that it could not be sent in time."""
        self._put(channel, _encoder.encode(message), within_s, on_lost or _log_lost)

    def send_to_all(self, channels: Iterable[str], message: BusMessage) -> None:
        """Send one message to many channels, without waiting."""
        data = _encoder.encode(message)
        for channel in channels:
            self._put(channel, data, SEND_S, _log_lost)

    def _put(self, channel: str, data: bytes, within_s: float, on_lost: OnLost) -> None:
        if self._layer is None:
            return
        outbox = self._outboxes.get(channel)
        if outbox is None:
            outbox = self._outboxes[channel] = Outbox(self._layer, channel)
            self._keep(self._drain(channel, outbox))
        outbox.put(data, within_s=within_s, on_lost=on_lost)

    def probe(self) -> None:
        """Send this node a message; when none arrives any more, connect its reader anew.

        A connection whose other end vanished without a word would be read for ever.
        """
        if not self.channel or self._reader is None:
            return
        if self._unheard >= PROBES:
            logger.warning("Nothing comes through the channel layer; connecting to it anew.")
            self._unheard = 0
            self._reader.cancel()
            self._reader = self._keep(self._read())
        self._unheard += 1
        self.send(self.channel, ProbeMessage(id="probe"))

    async def _drain(self, channel: str, outbox: Outbox) -> None:
        try:
            await outbox.drain()
        finally:
            del self._outboxes[channel]

    async def _read(self) -> None:
        """Read until the bus closes: a layer that fails (Redis restarts) is tried again."""
        failures = 0
        while self.is_on:
            if await self._attempt(self._take if self.channel else self._take_channel):
                failures = 0
                continue
            failures += 1
            if failures % FAILURES_FOR_A_NEW_CHANNEL == 0:
                self.channel = ""
            await asyncio.sleep(min(FIRST_PAUSE_S * 2 ** min(failures, 10), LONGEST_PAUSE_S))

    async def _attempt(self, step: Callable[[], Awaitable[None]]) -> bool:
        try:
            await step()
        except Exception:
            logger.warning("The channel layer fails; trying again.", exc_info=True)
            return False
        return True

    async def _take_channel(self) -> None:
        if self._layer is None:
            return
        channel = await self._layer.new_channel(CHANNEL_PREFIX)
        await self._on_channel(channel)
        self.channel = channel

    async def _take(self) -> None:
        if self._layer is None:
            return
        message = await self._layer.receive(self.channel)
        for item in message.get("items", ()) if message.get("type") == BATCH else ():
            with _logged():
                self._handle(item)

    def _handle(self, item: bytes) -> None:
        if self._decoder is None:
            self._decoder = Decoder(Union[tuple(self._handlers)])  # noqa: UP007 - of a tuple
        try:
            message = self._decoder.decode(item)
        except DecodeError:
            if self._knows(item):
                raise
            return
        handler = self._handlers[type(message)]
        if isinstance(message, Broadcast) and message.number and self.on_broadcast is not None:
            self.on_broadcast(message, partial(_deliver, handler, message))
        else:
            handler(message)

    def _knows(self, item: bytes) -> bool:
        """Tell whether a message is of a type that is handled here; one of the future is not."""
        tag = _head_decoder.decode(item).type
        return tag in {type_.__struct_config__.tag for type_ in self._handlers}

    def _on_probe(self, message: ProbeMessage) -> None:
        self._unheard = 0

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _deliver(handler: Handler, message: BusMessage) -> None:
    with _logged():
        handler(message)


@contextmanager
def _logged() -> Iterator[None]:
    try:
        yield
    except Exception:
        logger.exception("A message of another node could not be handled.")


async def _close_layer(layer: ChannelLayer) -> None:
    """Close the connections of a layer, if it has a way to; each of Channels' has another."""
    close = getattr(layer, "close_pools", None)
    with suppress(Exception):
        if close is not None:
            await close()
        elif type(layer).__name__ == "RedisPubSubChannelLayer":
            await layer.flush()  # type: ignore[attr-defined]  # closes, and deletes nothing


def _log_lost(error: ChannelSendFailed) -> None:
    logger.debug("A message to another node was lost: %s", error.message)
