"""Head and body of a small request leave in one write, as those of most HTTP clients do.

Simple receivers, the one in the SDKs' own tests among them, take what one read brings for the
whole request.
"""

from __future__ import annotations

import ssl
from typing import Any

import httpcore

HELD_BYTES = 64 * 1024


class HoldingStream(httpcore.AsyncNetworkStream):
    """Holds up to ``HELD_BYTES`` that are written until something is read."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._held = bytearray()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what is held, and read."""
        await self._send_held(timeout)
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hold a little; send what is more."""
        self._held += buffer
        if len(self._held) > HELD_BYTES:
            await self._send_held(timeout)

    async def aclose(self) -> None:
        """Close, and drop what is held."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Encrypt; what is written to the result is held likewise."""
        return HoldingStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows."""
        return self._stream.get_extra_info(info)

    async def _send_held(self, timeout: float | None) -> None:
        if self._held:
            held = bytes(self._held)
            self._held.clear()
            await self._stream.write(held, timeout)
