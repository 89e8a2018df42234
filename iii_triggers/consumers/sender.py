"""The outbound side of a WebSocket: frames are queued without waiting and sent in order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import ChannelSendFailed

logger = logging.getLogger(__name__)

OVERLOADED = 1013
APPLICATION_CODES = 3000
CLOSE_TIMEOUT_S = 5.0

Send = Callable[[dict[str, Any]], Awaitable[None]]
Write = Callable[[str], bool]
"""Sends a frame at once and returns True, or does nothing and returns False."""


class Sender:
    """Sends frames, from a task of its own if they have to wait, so that nobody else does."""

    def __init__(
        self, send: Send, *, limit: Callable[[], int] | None = None, peer: str = "worker"
    ) -> None:
        """``limit`` returns how many characters may wait; ``peer`` is the word for logs."""
        self._send = send
        # Only where the server's own ``send`` came here: nothing that wraps it is passed over.
        self._write: Write | None = getattr(getattr(send, "__self__", None), "write_text", None)
        self._limit = limit or _worker_limit
        self._peer = peer
        self._queue: deque[str] = deque()
        self._queued_chars = 0
        self._is_sending = False
        self._wake = asyncio.Event()
        self._close_code: int | None = None
        self._closed = False
        self.gave_up = asyncio.Event()
        """Set when the peer cannot be written to any more."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def send_text(self, text: str) -> None:
        """Send a frame, or queue it if it would have to wait.

        Raise ChannelSendFailed when the socket is closed or hopelessly behind.
        """
        if self.is_closing:
            raise ChannelSendFailed()
        if self._is_idle and self._write is not None and self._write(text):
            return
        if self._queue and self._queued_chars + len(text) > self._limit():
            logger.warning("A %s does not keep up with what it is sent; it is dropped.", self._peer)
            self._queue.clear()
            self.close(OVERLOADED)
            self.gave_up.set()
            raise ChannelSendFailed(f"The {self._peer} does not read what it is sent.")
        self._queue.append(text)
        self._queued_chars += len(text)
        self._wake.set()

    def close(self, code: int) -> None:
        """End the connection with this close code, after what is queued."""
        if self._close_code is None:
            self._close_code = code
            self._wake.set()

    def drop(self, code: int) -> None:
        """End the connection, and hear nothing more of a peer that does not take the close."""
        self.close(code)
        self.gave_up.set()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closed or self._close_code is not None

    @property
    def _is_idle(self) -> bool:
        return not self._queue and not self._is_sending

    async def _wait_closed(self) -> None:
        await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT_S)

    async def stop(self) -> None:
        """End the task; a close that was asked for is still sent, if the peer takes it."""
        if self._close_code is not None:
            await self._wait_closed()
        self._closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._queue or self._close_code is None:
                while self._queue:
                    text = self._queue.popleft()
                    self._queued_chars -= len(text)
                    self._is_sending = True
                    await self._send({"type": "websocket.send", "text": text})
                    self._is_sending = False
                self._wake.clear()
                if self._close_code is None:
                    await self._wake.wait()
            await self._send_close(self._close_code)
        except Exception:
            logger.debug("A socket broke while it was written.", exc_info=True)
        finally:
            self._closed = True
            self.gave_up.set()

    async def _send_close(self, code: int) -> None:
        try:
            await self._send({"type": "websocket.close", "code": code})
        except Exception:  # noqa: BLE001 - each server has errors of its own
            # Daphne lets applications close with 1000 and 3000 to 4999 only. 4012 for 1012: as
            # abnormal to SDKs, so that they come back.
            await self._send({"type": "websocket.close", "code": APPLICATION_CODES + code})


def _worker_limit() -> int:
    return settings.III_MAX_SEND_QUEUE_BYTES
