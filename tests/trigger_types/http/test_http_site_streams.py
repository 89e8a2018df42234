"""Functions of the site read and write channels (docs/channels.md)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.channels import (
    ChannelBroken,
    ChannelClosed,
    ChannelNotFound,
    ChannelReader,
    ChannelTaken,
    ChannelWriter,
    arespond,
    respond,
)
from iii_triggers.engine.core import Engine
from iii_triggers.protocol.errors import IiiError, InvalidArguments
from tests.support.http import ask, is_error
from tests.support.streaming import Request

Serve = Callable[..., Awaitable[None]]
RAW = {"content-type": "application/octet-stream"}


async def test_an_async_function_reads_a_body_as_it_comes(serve: Serve) -> None:
    sizes: list[int] = []
    seen = asyncio.Event()

    async def count(data: Any) -> int:
        async for chunk in ChannelReader(data["request_body"]):
            sizes.append(len(chunk))
            seen.set()
        return sum(sizes)

    await serve(count, http_method="POST")
    async with Request("POST", "/x", headers=RAW) as request:
        request.send(b"one", more=True)
        await seen.wait()
        request.send(b"more")
        assert (await request.head())[0] == 200
        assert (await request.event())["body"] == b"7"
    assert sizes == [3, 4]


async def test_a_plain_function_reads_a_body(serve: Serve) -> None:
    await serve(lambda data: len(ChannelReader(data["request_body"]).read()), http_method="POST")
    answer = await ask("POST", "/x", headers=RAW, body=b"x" * 100_000)
    assert (answer.status, answer.json()) == (200, 100_000)


async def test_a_body_that_was_parsed_can_be_read_too(serve: Serve) -> None:
    async def raw(data: Any) -> str:
        return (await ChannelReader(data["request_body"]).aread()).decode()

    await serve(raw, http_method="POST")
    body = b'{"n": 1.0}'
    answer = await ask("POST", "/x", headers={"content-type": "application/json"}, body=body)
    assert answer.json() == body.decode()


async def test_a_function_learns_that_the_client_left_while_it_read(serve: Serve) -> None:
    ends: asyncio.Queue[type[BaseException]] = asyncio.Queue()

    async def read(data: Any) -> None:
        try:
            await ChannelReader(data["request_body"]).aread()
        except ChannelBroken as error:
            ends.put_nowait(type(error))

    await serve(read, http_method="POST")
    async with Request("POST", "/x", headers=RAW) as request:
        request.send(b"half", more=True)
        request.leave()
        assert await asyncio.wait_for(ends.get(), 5) is ChannelBroken


async def test_an_async_generator_is_streamed(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def lines() -> AsyncIterator[bytes]:
        yield b"one"
        await go_on.wait()
        yield b"two"

    async def stream(data: Any) -> None:
        await arespond(data, lines(), status=201, headers={"content-type": "text/plain"})

    await serve(stream, timeout_ms=50)
    async with Request("GET", "/x") as request:
        request.send()
        status, headers = await request.head()
        assert (status, headers["content-type"]) == (201, "text/plain")
        assert await request.chunk() == b"one"
        # Longer than the timeout, which is one for the headers.
        await asyncio.sleep(0.1)
        go_on.set()
        assert await request.rest() == b"two"


async def test_a_plain_function_streams_a_generator(serve: Serve) -> None:
    def lines() -> Iterator[bytes]:
        for number in range(100):
            yield b"%d\n" % number

    await serve(lambda data: respond(data, lines(), headers={"content-type": "text/csv"}))
    answer = await ask("GET", "/x")
    assert (answer.status, answer.header("content-type")) == (200, "text/csv")
    assert answer.body == b"".join(lines())


async def test_a_large_chunk_goes_through_a_small_buffer(serve: Serve) -> None:
    with override_settings(III_CHANNEL_BUFFER_BYTES=1000):
        await serve(lambda data: respond(data, [b"x" * 1_000_000]))
        assert (await ask("GET", "/x")).body == b"x" * 1_000_000


async def test_nothing_to_stream_is_an_empty_answer(serve: Serve) -> None:
    async def stream(data: Any) -> None:
        await arespond(data, [], status=202)

    await serve(stream)
    answer = await ask("GET", "/x")
    assert (answer.status, answer.body) == (202, b"")


async def test_the_writer_learns_that_the_client_left(serve: Serve) -> None:
    ends: asyncio.Queue[type[BaseException]] = asyncio.Queue()

    async def endless(data: Any) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            while True:
                yield b"x"
                await asyncio.sleep(0)

        try:
            await arespond(data, chunks())
        except ChannelClosed as error:
            ends.put_nowait(type(error))

    await serve(endless)
    async with Request("GET", "/x") as request:
        request.send()
        await request.head()
        request.leave()
        assert await asyncio.wait_for(ends.get(), 5) is ChannelClosed


@pytest.mark.parametrize("is_async", [True, False])
async def test_what_a_generator_raises_cuts_the_answer_off(serve: Serve, is_async: bool) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("broken")

    async def stream(data: Any) -> None:
        await arespond(data, chunks())

    await serve(stream if is_async else lambda data: respond(data, chunks()))
    async with Request("GET", "/x") as request:
        request.send()
        await request.head()
        assert await request.chunk() == b"half"
        await asyncio.wait_for(request.task, 5)


async def test_what_it_raises_before_the_first_chunk_is_500(serve: Serve) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        raise IiiError("no rows", code="no_rows")
        yield b""

    async def stream(data: Any) -> None:
        await arespond(data, chunks())

    await serve(stream)
    assert is_error(await ask("GET", "/x"), 500, "no_rows")


async def test_a_channel_between_functions(engine: Engine) -> None:
    channel_id, key = engine.channels.create(buffer_size=1)
    ref = {"channel_id": channel_id, "access_key": key}
    writer = ChannelWriter({**ref, "direction": "write"})
    reader = ChannelReader({**ref, "direction": "read"})

    async def write() -> None:
        for message in (b"one", "two", b"three"):
            await writer.awrite(message)
        await writer.aclose()

    writing = asyncio.ensure_future(write())
    assert [message async for message in reader] == [b"one", "two", b"three"]
    await writing
    assert len(engine.channels) == 0


async def test_refs_are_checked(engine: Engine) -> None:
    channel_id, key = engine.channels.create()
    ref = {"channel_id": channel_id, "access_key": key, "direction": "write"}
    with pytest.raises(InvalidArguments):
        ChannelReader(ref)
    with pytest.raises(InvalidArguments):
        ChannelReader({})
    with pytest.raises(ChannelNotFound):
        await ChannelWriter({**ref, "access_key": "wrong"}).awrite(b"x")
    await ChannelWriter(ref).awrite(b"x")
    with pytest.raises(ChannelTaken):
        await ChannelWriter(ref).awrite(b"x")


async def test_a_writer_that_is_dropped_when_its_reader_left_frees_the_channel(
    engine: Engine,
) -> None:
    channel_id, key = engine.channels.create(buffer_size=1)
    ref = {"channel_id": channel_id, "access_key": key}
    writer = ChannelWriter({**ref, "direction": "write"})
    reader = ChannelReader({**ref, "direction": "read"})
    await writer.awrite(b"one")
    async with contextlib.aclosing(aiter(reader)) as messages:
        assert await anext(messages) == b"one"
    with pytest.raises(ChannelClosed):
        await writer.awrite(b"two")
    assert len(engine.channels) == 0


async def test_a_writer_that_a_function_drops_cuts_the_answer_off(
    serve: Serve, engine: Engine
) -> None:
    async def fail(data: Any) -> None:
        await ChannelWriter(data["response"]).awrite(b"half")
        raise ValueError

    await serve(fail)
    async with Request("GET", "/x") as request:
        request.send()
        assert (await request.head())[0] == 200
        assert await request.chunk() == b"half"
        await asyncio.wait_for(request.task, 5)
    assert not engine.channels.sources


async def test_a_writer_may_be_closed_twice(engine: Engine) -> None:
    channel_id, key = engine.channels.create()
    ref = {"channel_id": channel_id, "access_key": key}
    writer = ChannelWriter({**ref, "direction": "write"})
    await writer.awrite(b"one")
    await writer.aclose()
    await writer.aclose()
    assert await ChannelReader({**ref, "direction": "read"}).aread() == b"one"
    assert len(engine.channels) == 0
