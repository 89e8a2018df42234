"""A WebSocket client that may break every rule: frames as bytes, written as fast as they are taken.

The mask is zero, which is as good as any and leaves the payload as it is.
"""

from __future__ import annotations

import asyncio
import random
import struct
from contextlib import suppress
from typing import cast

from .frames import Frame

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FINAL, MASKED = 0x80, 0x80
NO_MASK = b"\0\0\0\0"
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
HEAD_END = b"\r\n\r\n"
CONNECT_S = 20.0
ANSWER_S = 10.0
ROOM_S = 5.0


def pack(opcode: int, payload: bytes, *, first_bits: int = FINAL) -> bytes:
    """Return a frame as it goes over the wire."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first_bits | opcode, MASKED | size)
    elif size < 65536:
        head = struct.pack("!BBH", first_bits | opcode, MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", first_bits | opcode, MASKED | 127, size)
    return head + NO_MASK + payload


def pack_message(frame: Frame, chance: random.Random) -> bytes:
    """Return a message, seldom in fragments with a ping between them."""
    opcode = TEXT if frame.is_text else BINARY
    if chance.random() > 0.03:
        return pack(opcode, frame.payload)
    cut = chance.randint(0, len(frame.payload))
    first = pack(opcode, frame.payload[:cut], first_bits=0)
    return first + pack(PING, b"between") + pack(0, frame.payload[cut:])


def violation(chance: random.Random) -> bytes:
    """Return what no WebSocket may carry: the connection will be ended for it."""
    noise = chance.randbytes(20)
    ways = (
        pack(TEXT, b'{"type":"ping"}\xff\xfe'),
        pack(TEXT, b"\xed\xa0\x80"),
        pack(3, noise),
        pack(11, noise),
        pack(PING, noise * 7),
        pack(PING, b"", first_bits=0),
        pack(0, b"goes on from nothing"),
        pack(TEXT, b"", first_bits=FINAL | 0x40),
        pack(CLOSE, b"\x00"),
        pack(CLOSE, struct.pack("!H", 1005)),
        pack(CLOSE, struct.pack("!H", chance.randrange(65536)) + noise),
        b"\x81\x05hello",
        struct.pack("!BBQ", FINAL | TEXT, MASKED | 127, 2**62),
        noise,
    )
    return chance.choice(ways)


class Wire(asyncio.Protocol):
    """One connection: ``await Wire.open(...)``; what the engine sends is counted and dropped."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._open = asyncio.Event()
        self._heard = asyncio.Event()
        self._awaited = b""
        self._tail = b""
        self._may_write = asyncio.Event()
        self._may_write.set()

    @classmethod
    async def open(cls, *, host: str, port: int, path: str) -> Wire:
        """Connect and shake hands. Raise OSError or TimeoutError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_S):
            _, wire = await loop.create_connection(cls, host, port)
            wire.transport.write(HANDSHAKE.format(path=path, host=host, port=port).encode())
            await wire._open.wait()
        return wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self._head = b""

    def data_received(self, data: bytes) -> None:
        """Look for the end of the handshake, and for what is waited for."""
        if not self._open.is_set():
            self._head += data
            if HEAD_END in self._head:
                self._open.set()
        if self._awaited:
            self._tail += data
            if self._awaited in self._tail:
                self._heard.set()
            self._tail = self._tail[-len(self._awaited) :]

    def pause_writing(self) -> None:
        """Wait: the engine does not read."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep nobody waiting."""
        self.ended.set()
        self._heard.set()
        self._open.set()
        self._may_write.set()

    async def send(self, data: bytes) -> bool:
        """Write when there is room; tell whether the connection stands and the engine reads."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ROOM_S):
                await self._may_write.wait()
        if self.ended.is_set() or not self._may_write.is_set():
            return False
        self.transport.write(data)
        return True

    async def ask(self, question: bytes, answer: bytes) -> bool:
        """Send a question; tell whether the answer came before the deadline, or the end did."""
        self._awaited = answer
        if await self.send(question):
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_S):
                    await self._heard.wait()
        return self._heard.is_set() or self.ended.is_set()

    def stop_reading(self) -> None:
        """Take nothing more of what the engine sends."""
        self.transport.pause_reading()

    def half_close(self) -> None:
        """Say that nothing more comes, and go on reading."""
        if not self.transport.is_closing():
            self.transport.write_eof()
