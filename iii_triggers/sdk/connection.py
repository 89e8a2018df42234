"""One lasting connection to the engine: connect, write, read, and connect again for ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .outbox import Outbox
from .settings import Settings

logger = logging.getLogger(__name__)

MAX_FRAME_BYTES = 64 * 2**20
CLOSE_TIMEOUT_S = 2
JITTER = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What the owner of a connection is asked and told.

    greeting: asked on each connection for the frames to send before and after the kept calls.
    received: told each frame.
    lost: told once a connection has gone, however it went.
    """

    greeting: Callable[[], tuple[list[str], list[str]]]
    received: Callable[[str | bytes], None]
    lost: Callable[[], None]


class Connection:
    """Keeps a socket open until it is stopped; what it sends goes through ``outbox``."""

    def __init__(self, settings: Settings, events: Events) -> None:
        self.outbox = Outbox()
        self._settings = settings
        self._events = events
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._tried = asyncio.Event()
        self._connected = asyncio.Event()
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Begin connecting, and return once the first attempt has succeeded or failed."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected())
        await self._tried.wait()

    async def connected(self) -> None:
        """Wait until there is a connection."""
        await self._connected.wait()

    def welcome(self) -> None:
        """The engine accepted this connection: the next pause to reconnect is a short one."""
        self._failures = 0

    def retire(self) -> None:
        """Do not connect again when the present connection ends."""
        self._stopping.set()

    async def stop(self) -> None:
        """Close the connection and end for good."""
        self.retire()
        if self._socket is not None:
            await self._socket.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._tried.set()

    async def _keep_connected(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._connect_once()
            except Exception as error:  # noqa: BLE001 - whatever it is, the worker must come back
                logger.warning("No connection to %s: %r", self._settings.url, error)
            self._tried.set()
            await self._pause()

    async def _connect_once(self) -> None:
        async with connect(
            self._settings.url,
            additional_headers=self._settings.upgrade_headers(),
            compression=None,
            max_size=MAX_FRAME_BYTES,
            close_timeout=CLOSE_TIMEOUT_S,
        ) as socket:
            if not self._stopping.is_set():
                await self._use(socket)

    async def _use(self, socket: ClientConnection) -> None:
        first, last = self._events.greeting()
        self.outbox.open(first=first, last=last)
        writer = asyncio.create_task(self._write(socket))
        self._socket = socket
        self._connected.set()
        self._tried.set()
        try:
            async for frame in socket:
                self._events.received(frame)
        finally:
            self._socket = None
            self._connected.clear()
            writer.cancel()
            self.outbox.close()
            self._events.lost()
        self._log_end(socket)

    async def _write(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):  # the reader sees it too, and cleans up
            while True:
                entry = await self.outbox.take()
                await socket.send(entry.frame)

    def _log_end(self, socket: ClientConnection) -> None:
        if not self._stopping.is_set():
            logger.warning("%s closed the connection: %s", self._settings.url, socket.close_code)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._delay_s())

    def _delay_s(self) -> float:
        settings = self._settings
        delay = min(settings.reconnect_initial_s * 2.0**self._failures, settings.reconnect_max_s)
        # Past the cap a larger power would only overflow.
        self._failures = min(self._failures + 1, 32)
        return delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load
