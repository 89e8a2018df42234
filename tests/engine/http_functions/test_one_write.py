"""Head and body of a request leave in one write."""

from __future__ import annotations

import asyncio

import httpcore
import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.http_functions.one_write import HELD_BYTES, HoldingStream
from tests.support.http_target import HttpTarget

from .test_calls import Connect, register

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\ntrue"


class Recorder(httpcore.AsyncMockStream):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__([b"answer"])
        self.written: list[bytes] = []

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written.append(buffer)


async def test_one_read_of_the_other_end_brings_all_of_a_request(
    connect: Connect, target: HttpTarget
) -> None:
    reads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reads.append(await reader.read(65536))
        writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await register(await connect(), f"http://127.0.0.1:{port}/hook")
        assert await ainvoke("f", {"n": 1}) is True
    assert reads[0].endswith(b'\r\n\r\n{"n":1}')


@pytest.mark.parametrize(("size", "writes"), [(10, 1), (HELD_BYTES, 2)])
async def test_large_bodies_are_not_held(size: int, writes: int) -> None:
    stream = Recorder()
    holding = HoldingStream(stream)
    for part in (b"head", b"x" * size, b"rest"):
        await holding.write(part)
    assert await holding.read(10) == b"answer"
    assert len(stream.written) == writes
    assert b"".join(stream.written) == b"head" + b"x" * size + b"rest"
