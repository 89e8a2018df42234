"""The sockets of channels (protocol reference, sections 7.10 and 8)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.consumers.channels import PIECE_BYTES
from iii_triggers.engine.core import Engine
from tests.support.channels import accepted, end_of, hang_up, messages, socket_to
from tests.support.eventually import eventually
from tests.support.workers import FakeWorker

RESPONSES = {"websocket.http.response": {}}

Refs = dict[str, dict[str, str]]


async def create(engine: Engine, **data: Any) -> Refs:
    frame = await FakeWorker(engine).call("engine::channels::create", data)
    refs: Refs = frame["result"]
    return refs


async def test_a_channel_is_two_refs_of_one_id_and_key(engine: Engine) -> None:
    refs = await create(engine, buffer_size=8)
    writer, reader = refs["writer"], refs["reader"]
    assert set(writer) == {"channel_id", "access_key", "direction"}
    assert (writer["direction"], reader["direction"]) == ("write", "read")
    assert writer["channel_id"] == reader["channel_id"]
    assert writer["access_key"] == reader["access_key"]
    assert len(writer["access_key"]) == 32
    assert (await create(engine))["writer"]["access_key"] != writer["access_key"]


async def test_a_buffer_size_that_is_no_number_is_refused(engine: Engine) -> None:
    frame = await FakeWorker(engine).call("engine::channels::create", {"buffer_size": "many"})
    assert frame["error"]["code"] == "deserialization_error"


async def test_text_and_binary_pass_in_order_and_keep_their_kind(engine: Engine) -> None:
    refs = await create(engine)
    async with end_of(refs["reader"]) as reader, end_of(refs["writer"]) as writer:
        await accepted(reader)
        await accepted(writer)
        for message in ("one", b"two", "", b"three"):
            writer.send(message)
        hang_up(writer)
        assert await messages(reader) == ["one", b"two", "", b"three"]


async def test_a_writer_may_be_done_before_the_reader_comes(engine: Engine) -> None:
    refs = await create(engine)
    async with end_of(refs["writer"]) as writer:
        await accepted(writer)
        writer.send(b"x" * 1000)
        hang_up(writer)
        await asyncio.wait_for(writer.task, 5)
    async with end_of(refs["reader"]) as reader:
        await accepted(reader)
        assert await messages(reader) == [b"x" * 1000]
    assert len(engine.channels) == 0


async def test_a_large_binary_message_leaves_in_pieces_old_readers_take(engine: Engine) -> None:
    refs = await create(engine)
    content = bytes(range(256)) * 1024
    async with end_of(refs["reader"]) as reader, end_of(refs["writer"]) as writer:
        await accepted(reader)
        writer.send(content)
        hang_up(writer)
        pieces = await messages(reader)
    assert b"".join(p for p in pieces if isinstance(p, bytes)) == content
    assert max(map(len, pieces)) == PIECE_BYTES


@pytest.mark.parametrize(
    ("buffer_size", "bytes_", "size", "taken"),
    [(2, 1 << 20, 1, 2), (64, 3000, 1000, 3), (0, 1 << 20, 1, 1)],
)
async def test_a_writer_is_not_read_while_the_buffer_is_full(
    engine: Engine, buffer_size: int, bytes_: int, size: int, taken: int
) -> None:
    with override_settings(III_CHANNEL_BUFFER_BYTES=bytes_):
        refs = await create(engine, buffer_size=buffer_size)
        async with end_of(refs["writer"]) as writer:
            await accepted(writer)
            for _ in range(20):
                writer.send(b"x" * size)

            async def is_blocked() -> bool:
                # One more than fits is held by the socket that waits to write it.
                return writer.unread == 20 - taken - 1

            await eventually(is_blocked)
            hang_up(writer)
            async with end_of(refs["reader"]) as reader:
                await accepted(reader)
                assert await messages(reader) == [b"x" * size] * 20


async def test_a_reader_that_leaves_closes_the_writer(engine: Engine) -> None:
    refs = await create(engine)
    async with end_of(refs["writer"]) as writer:
        await accepted(writer)
        async with end_of(refs["reader"]) as reader:
            await accepted(reader)
        assert await writer.close_code() == 1000
        hang_up(writer)
    assert len(engine.channels) == 0


async def test_a_writer_that_breaks_off_is_no_proper_end(engine: Engine) -> None:
    refs = await create(engine)
    async with end_of(refs["reader"]) as reader:
        await accepted(reader)
        async with end_of(refs["writer"]) as writer:
            await accepted(writer)
            writer.send(b"half")
            hang_up(writer, code=1006)
        assert (await reader.event())["bytes"] == b"half"
        assert await reader.close_code() == 1011


@pytest.mark.parametrize("direction", ["writer", "reader"])
async def test_a_second_taker_is_let_in_and_closed_at_once(engine: Engine, direction: str) -> None:
    refs = await create(engine)
    async with end_of(refs["writer"]) as writer, end_of(refs["reader"]) as reader:
        await accepted(writer)
        await accepted(reader)
        async with end_of(refs[direction]) as second:
            await accepted(second)
            assert await second.close_code() == 1000
        writer.send("still here")
        hang_up(writer)
        assert await messages(reader) == ["still here"]


@pytest.mark.parametrize("change", [{"access_key": "wrong"}, {"channel_id": "unknown"}])
async def test_an_unknown_channel_or_a_wrong_key_is_404(engine: Engine, change: Any) -> None:
    refs = await create(engine)
    async with end_of({**refs["reader"], **change}, extensions=RESPONSES) as socket:
        start, body = await socket.event(), await socket.event()
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert body["body"].startswith(b"Channel not found")
    async with end_of(refs["reader"]) as reader:
        await accepted(reader)


@pytest.mark.parametrize("query", ["", "key=k", "dir=read", "key=k&dir=both", "key=&dir=read"])
async def test_a_bad_query_is_400(engine: Engine, query: str) -> None:
    async with socket_to("/ws/channels/c", query, extensions=RESPONSES) as socket:
        assert (await socket.event())["status"] == 400


async def test_a_server_without_http_answers_refuses_before_the_upgrade(engine: Engine) -> None:
    async with socket_to("/ws/channels/c", "key=k&dir=read") as socket:
        assert await socket.event() == {"type": "websocket.close"}


async def test_a_frame_over_the_limit_closes_with_1009(engine: Engine) -> None:
    refs = await create(engine)
    with override_settings(III_MAX_CHANNEL_FRAME_BYTES=1024):
        async with end_of(refs["writer"]) as writer:
            await accepted(writer)
            writer.send(b"x" * 1025)
            assert await writer.close_code() == 1009
            hang_up(writer, code=1009)


async def test_only_so_many_channels_may_be_open(engine: Engine) -> None:
    with override_settings(III_MAX_CHANNELS=2):
        await create(engine)
        refs = await create(engine)
        frame = await FakeWorker(engine).call("engine::channels::create", {})
        assert frame["error"]["code"] == "LIMIT_EXCEEDED"
        async with end_of(refs["writer"]) as writer, end_of(refs["reader"]) as reader:
            await accepted(writer)
            await accepted(reader)
            hang_up(writer)
            assert await messages(reader) == []
        await create(engine)


async def test_a_channel_that_waits_too_long_for_an_end_is_dropped(engine: Engine) -> None:
    refs, used, fresh = [await create(engine) for _ in range(3)]
    async with end_of(refs["reader"]) as reader:
        await accepted(reader)
        async with end_of(used["reader"]) as r, end_of(used["writer"]) as w:
            await accepted(r)
            await accepted(w)
            await engine.channels.sweep()
            assert len(engine.channels) == 3
            with override_settings(III_CHANNEL_TTL_S=0):
                await engine.channels.sweep()
            assert await reader.close_code() == 1000
            assert len(engine.channels) == 1
    async with end_of(fresh["reader"]) as gone:
        assert (await gone.event())["type"] == "websocket.close"


async def test_what_is_open_ends_with_the_engine(engine: Engine) -> None:
    refs = await create(engine)
    async with end_of(refs["reader"]) as reader:
        await accepted(reader)
        engine.channels.stop()
        assert await reader.close_code() == 1011
