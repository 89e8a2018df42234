"""Passes telemetry on to an OTLP endpoint, behind the scenes and without making anybody wait."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from iii_triggers.conf import settings
from iii_triggers.engine.http_functions.client import ssl_context

from .complaints import Complaints

if TYPE_CHECKING:
    import httpcore

logger = logging.getLogger(__name__)

MAX_WAITING_FRAMES = 1000
MAX_WAITING_BYTES = 32 * 1024 * 1024
REQUEST_TIMEOUT_S = 10.0
PAUSE_S = 1.0
"""After a failure, so that a dead endpoint costs no more than a request a second."""


class Forwarder:
    """Sends one frame after the other; what finds no room, or is not taken, is dropped."""

    def __init__(self) -> None:
        self.lost = Complaints(logger, "%d frames of telemetry were dropped: %s")
        self.sent = 0
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._pool: httpcore.AsyncConnectionPool | None = None

    def add(self, signal: str, body: bytes) -> None:
        """Send a frame soon. ``signal`` is ``traces``, ``metrics`` or ``logs``."""
        if not settings.III_OTLP_ENDPOINT:
            return
        if len(self._waiting) >= MAX_WAITING_FRAMES or self._bytes > MAX_WAITING_BYTES:
            self.lost.add("the endpoint is too slow")
            return
        self._waiting.append((signal, body))
        self._bytes += len(body)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send_all())

    async def stop(self) -> None:
        """Give up what waits."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._waiting.clear()
        self._bytes = 0
        pool, self._pool = self._pool, None
        if pool is not None:
            with suppress(OSError, RuntimeError):
                await pool.aclose()

    async def _send_all(self) -> None:
        while self._waiting:
            signal, body = self._waiting.popleft()
            self._bytes -= len(body)
            try:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    await self._send(signal, body)
                self.sent += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, the frame is lost
                self.lost.add(str(error) or type(error).__name__)
                await asyncio.sleep(PAUSE_S)
        self._task = None

    async def _send(self, signal: str, body: bytes) -> None:
        if self._pool is None:
            context = await asyncio.to_thread(ssl_context)
            import httpcore

            self._pool = httpcore.AsyncConnectionPool(ssl_context=context, max_connections=1)
        url = f"{settings.III_OTLP_ENDPOINT.rstrip('/')}/v1/{signal}"
        headers = {"Content-Type": "application/json", **settings.III_OTLP_HEADERS}
        async with self._pool.stream(
            "POST", url, headers=list(headers.items()), content=body
        ) as response:
            if response.status >= 300:
                raise ConnectionError(f"the endpoint answered {response.status}")
            async for _ in response.aiter_stream():
                pass
