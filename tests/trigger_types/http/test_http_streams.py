"""Streamed requests and responses: the two channels of a request (trigger reference, 2.4 to 2.10).

The worker here is one without a socket; its ends of the channels are sockets.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.core import Engine
from tests.support.channels import accepted, end_of, hang_up, messages
from tests.support.eventually import eventually
from tests.support.http import ask, chunked, is_error
from tests.support.streaming import Request
from tests.support.workers import FakeWorker, Frame

Connect = Callable[..., Awaitable[FakeWorker]]

RAW = {"content-type": "application/octet-stream"}
TEXT = {"content-type": "text/plain"}
STATUS_201 = json.dumps({"type": "set_status", "status_code": 201})


def headers_order(**headers: str) -> str:
    return json.dumps({"type": "set_headers", "headers": headers})


@pytest.fixture
def bind(connect: Connect) -> Callable[..., Awaitable[FakeWorker]]:
    """A worker whose function serves POST /x."""

    async def bind(*, sdk: str = "0.22.1", **config: Any) -> FakeWorker:
        worker = await connect("f", runtime="node", version=sdk)
        await worker.bind("t", "http", config={"api_path": "x", "http_method": "POST", **config})
        return worker

    return bind


async def invocation_of(worker: FakeWorker) -> Frame:
    return (await worker.transport.receive("invokefunction"))[0]


class TestRequestBody:
    async def test_bytes_of_another_type_are_read_from_the_channel(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x", headers=RAW) as request:
            request.send(b"one", more=True)
            invocation = await invocation_of(worker)
            assert invocation["data"]["body"] is None
            async with end_of(invocation["data"]["request_body"]) as reader:
                await accepted(reader)
                assert (await reader.event())["bytes"] == b"one"
                request.send(b"two", more=True)
                assert (await reader.event())["bytes"] == b"two"
                request.send()
                assert await messages(reader) == []
            await worker.answer(invocation, result={"ok": True})
            assert (await request.head())[0] == 200

    @pytest.mark.parametrize(
        ("headers", "body", "value"),
        [
            ({"content-type": "application/json"}, b'{"n": 1.50, "m":2}', {"n": 1.5, "m": 2}),
            ({"content-type": "application/x-www-form-urlencoded"}, b"a=1", {"a": "1"}),
            (TEXT, b"text", "text"),
            (RAW, b"\x00\xff", None),
            ({}, b"no type", None),
            (RAW, b"", None),
        ],
    )
    async def test_a_body_that_is_parsed_can_be_read_as_it_came(
        self, bind: Any, headers: dict[str, str], body: bytes, value: Any
    ) -> None:
        worker = await bind()
        asking = asyncio.ensure_future(ask("POST", "/x", headers=headers, body=body))
        invocation = await invocation_of(worker)
        assert invocation["data"]["body"] == value
        async with end_of(invocation["data"]["request_body"]) as reader:
            await accepted(reader)
            assert b"".join(await messages(reader)) == body  # type: ignore[arg-type]
        await worker.answer(invocation, result=1)
        assert (await asking).status == 200

    async def test_the_client_is_read_only_as_fast_as_the_reader(self, bind: Any) -> None:
        worker = await bind()
        with override_settings(III_CHANNEL_BUFFER_BYTES=3):
            async with Request("POST", "/x", headers=RAW) as request:
                for _ in range(20):
                    request.send(b"x", more=True)
                request.send()
                invocation = await invocation_of(worker)
                assert request.unread == 20
                reader = end_of(invocation["data"]["request_body"])
                reader.reads.clear()
                async with reader:
                    # Three wait in the channel, one for room in it.
                    async def is_blocked() -> bool:
                        return request.unread == 20 - 3

                    await eventually(is_blocked)
                    reader.reads.set()
                    await accepted(reader)
                    assert await messages(reader) == [b"x"] * 20
                await worker.answer(invocation, result=1)
                await request.head()

    async def test_large_forms_are_streamed_and_large_text_is_not(self, bind: Any) -> None:
        worker = await bind()
        form = {"content-type": "multipart/form-data; boundary=b"}
        with override_settings(III_MAX_BODY_BYTES=10):
            for headers in (TEXT, {"content-type": "application/json"}):
                answer = await ask("POST", "/x", headers=headers, chunks=chunked(b"x" * 11))
                assert is_error(answer, 413, "PAYLOAD_TOO_LARGE")
            for length in ({"content-length": "12"}, {}):
                async with Request("POST", "/x", headers=form | length) as request:
                    request.send(b"x" * 11, more=True)
                    invocation = (await worker.transport.receive("invokefunction", 1))[-1]
                    assert invocation["data"]["body"] is None
                    async with end_of(invocation["data"]["request_body"]) as reader:
                        request.send(b"y")
                        await accepted(reader)
                        assert await messages(reader) == [b"x" * 11, b"y"]
                    await worker.answer(invocation, result=1)
                    await request.head()
                worker.transport.frames.clear()

    async def test_a_limit_of_the_trigger_holds_for_streams_too(self, bind: Any) -> None:
        worker = await bind(max_body_bytes=10)
        headers = RAW | {"content-length": "11"}
        assert is_error(
            await ask("POST", "/x", headers=headers, chunks=chunked(b"x")), 413, "PAYLOAD_TOO_LARGE"
        )
        async with Request("POST", "/x", headers=RAW) as request:
            request.send(b"x" * 10, more=True)
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["request_body"]) as reader:
                await accepted(reader)
                request.send(b"y", more=True)
                assert (await reader.event())["bytes"] == b"x" * 10
                assert await reader.close_code() == 1011
            assert (await request.head())[0] == 413

    async def test_a_client_that_leaves_breaks_the_body_off(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x", headers=RAW) as request:
            request.send(b"half", more=True)
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["request_body"]) as reader:
                await accepted(reader)
                request.leave()
                assert await reader.close_code() == 1011
            await worker.answer(invocation, result=1)

    async def test_a_body_nobody_reads_does_not_hold_the_answer(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x", headers=RAW) as request:
            request.send(b"x", more=True)
            await worker.answer(await invocation_of(worker), result=1)
            assert (await request.head())[0] == 200

    async def test_the_channels_are_gone_when_the_request_is(
        self, bind: Any, engine: Engine
    ) -> None:
        worker = await bind()
        asking = asyncio.ensure_future(ask("POST", "/x"))
        invocation = await invocation_of(worker)
        assert engine.channels.sources == 1
        await worker.answer(invocation, result=1)
        await asking
        assert engine.channels.sources == 0
        async with end_of(invocation["data"]["response"]) as late:
            assert (await late.event())["type"] == "websocket.close"

    async def test_the_other_ends_are_not_for_the_function(self, bind: Any) -> None:
        worker = await bind()
        asking = asyncio.ensure_future(ask("POST", "/x"))
        invocation = await invocation_of(worker)
        for name, direction in (("request_body", "write"), ("response", "read")):
            ref = {**invocation["data"][name], "direction": direction}
            async with end_of(ref) as socket:
                await accepted(socket)
                assert await socket.close_code() == 1000
        await worker.answer(invocation, result=1)
        await asking

    async def test_a_condition_gets_no_channels(self, bind: Any, connect: Connect) -> None:
        worker = await bind(condition_function_id="c")
        condition = await connect("c")
        asking = asyncio.ensure_future(ask("POST", "/x"))
        invocation = await invocation_of(condition)
        assert not {"request_body", "response"} & set(invocation["data"])
        await condition.answer(invocation, result=True)
        await worker.answer(await invocation_of(worker), result=1)
        assert (await asking).status == 200


class TestResponse:
    async def test_status_and_headers_then_chunks_as_they_come(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                await accepted(writer)
                writer.send(STATUS_201)
                writer.send(headers_order(**{"Content-Type": "text/event-stream"}))
                writer.send(headers_order(**{"x-a": "1"}))
                writer.send(b"data: 1\n\n")
                status, headers = await request.head()
                assert (status, headers["content-type"], headers["x-a"]) == (
                    201,
                    "text/event-stream",
                    "1",
                )
                assert "content-length" not in headers
                assert await request.chunk() == b"data: 1\n\n"
                writer.send(STATUS_201)
                writer.send(b"data: 2\n\n")
                assert await request.chunk() == b"data: 2\n\n"
                hang_up(writer)
                assert await request.chunk() == b""
            await worker.answer(invocation, result=None)

    async def test_headers_pass_the_rules_of_any_answer(self, bind: Any) -> None:
        worker = await bind()
        bad = {
            "connection": "keep-alive",
            "content-length": "3",
            "set-cookie": "a=1",
            "x-bad": "1\r\nx-evil: 2",
            "content-type": "text/html",
        }
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                writer.send(headers_order(**bad))
                writer.send(b"x")
                _, headers = await request.head()
                assert headers == {
                    "content-type": "text/html",
                    "content-security-policy": "sandbox",
                    "x-content-type-options": "nosniff",
                }

    @pytest.mark.parametrize(
        "order",
        [
            '{"type":"set_status","status_code":"201"}',
            '{"type":"set_status","status_code":99}',
            '{"type":"set_status","status_code":101}',
            '{"type":"set_status","status_code":true}',
            '{"type":"set_headers","headers":["x-a: 1"]}',
            '{"type":"set_headers","headers":{"x-a":["1"]}}',
            '{"type":"other"}',
            "[]",
            "{",
            "",
        ],
    )
    async def test_an_order_that_means_nothing_is_ignored(self, bind: Any, order: str) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                writer.send(order)
                hang_up(writer)
                assert await request.head() == (200, {"x-content-type-options": "nosniff"})
                assert await request.chunk() == b""

    async def test_a_slow_client_slows_the_writer_down(self, bind: Any) -> None:
        worker = await bind()
        with override_settings(III_CHANNEL_BUFFER_BYTES=3):
            async with Request("POST", "/x") as request:
                request.send()
                invocation = await invocation_of(worker)
                async with end_of(invocation["data"]["response"]) as writer:
                    await accepted(writer)
                    request.reads.clear()
                    for _ in range(20):
                        writer.send(b"x")

                    async def is_blocked() -> bool:
                        # One is being sent, three wait in the channel, one for room in it.
                        return writer.unread == 20 - 5

                    await eventually(is_blocked)
                    request.reads.set()
                    await request.head()
                    hang_up(writer)
                    assert await request.rest() == b"x" * 20

    async def test_a_client_that_leaves_closes_the_writer(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                await accepted(writer)
                writer.send(b"x")
                await request.head()
                request.leave()
                assert await writer.close_code() == 1000

    async def test_a_response_that_breaks_off_is_not_completed(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                writer.send(b"half")
                hang_up(writer, code=1006)
                await request.head()
                assert await request.chunk() == b"half"
                await asyncio.wait_for(request.task, 5)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(request._outbound.get(), 0)


class TestRace:
    async def test_a_result_before_the_first_binary_wins(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                await accepted(writer)
                writer.send(STATUS_201)
                await worker.answer(invocation, result={"body": 1})
                assert (await request.head())[0] == 200
                assert await writer.close_code() == 1000

    async def test_a_result_after_it_is_ignored(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                writer.send(b"one")
                assert (await request.head())[0] == 200
                await worker.answer(invocation, error={"code": "late", "message": "m"})
                writer.send(b"two")
                hang_up(writer)
                assert await request.rest() == b"onetwo"

    async def test_an_error_before_it_is_500(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                await accepted(writer)
                writer.send(STATUS_201)
                await worker.answer(invocation, error={"code": "oops", "message": "m"})
                assert (await request.head())[0] == 500

    async def test_an_end_without_binary_is_an_empty_answer(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                writer.send(STATUS_201)
                hang_up(writer)
                assert (await request.head())[0] == 201
                assert await request.chunk() == b""

    async def test_a_writer_that_came_is_waited_for_after_an_empty_result(self, bind: Any) -> None:
        worker = await bind()
        with override_settings(III_STREAM_GRACE_MS=0):
            async with Request("POST", "/x") as request:
                request.send()
                invocation = await invocation_of(worker)
                async with end_of(invocation["data"]["response"]) as writer:
                    await accepted(writer)
                    await worker.answer(invocation, result=None)
                    await asyncio.sleep(0)
                    writer.send(b"late")
                    hang_up(writer)
                    assert (await request.head())[0] == 200
                    assert await request.rest() == b"late"

    async def test_a_writer_may_come_within_the_grace(self, bind: Any) -> None:
        worker = await bind()
        with override_settings(III_STREAM_GRACE_MS=5000):
            async with Request("POST", "/x") as request:
                request.send()
                invocation = await invocation_of(worker)
                await worker.answer(invocation, result=None)
                async with end_of(invocation["data"]["response"]) as writer:
                    writer.send(b"late")
                    hang_up(writer)
                    assert (await request.head())[0] == 200
                    assert await request.rest() == b"late"

    async def test_nothing_is_204_after_the_grace(self, bind: Any) -> None:
        worker = await bind()
        with override_settings(III_STREAM_GRACE_MS=1):
            asking = asyncio.ensure_future(ask("POST", "/x"))
            await worker.answer(await invocation_of(worker), result=None)
            assert (await asking).status == 204

    @pytest.mark.parametrize(("runtime", "version"), [("node", "0.3.0"), ("python", "0.2.1")])
    async def test_an_sdk_without_channels_is_not_waited_for(
        self, connect: Connect, runtime: str, version: str
    ) -> None:
        worker = await connect("f", runtime=runtime, version=version)
        await worker.bind("t", "http", config={"api_path": "x", "http_method": "POST"})
        with override_settings(III_STREAM_GRACE_MS=60_000):
            asking = asyncio.ensure_future(ask("POST", "/x"))
            await worker.answer(await invocation_of(worker), result=None)
            assert (await asking).status == 204

    async def test_the_timeout_is_one_for_the_headers(self, bind: Any) -> None:
        worker = await bind(timeout_ms=100)
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                await accepted(writer)
                writer.send(STATUS_201)
                assert (await request.head())[0] == 504
        async with Request("POST", "/x") as request:
            request.send()
            invocation = (await worker.transport.receive("invokefunction", 2))[-1]
            async with end_of(invocation["data"]["response"]) as writer:
                writer.send(b"one")
                assert (await request.head())[0] == 200
                assert await request.chunk() == b"one"
                await asyncio.sleep(0.15)
                writer.send(b"two")
                hang_up(writer)
                assert await request.rest() == b"two"

    async def test_the_timeout_holds_after_an_empty_result_as_well(self, bind: Any) -> None:
        worker = await bind(timeout_ms=100)
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                await accepted(writer)
                await worker.answer(invocation, result=None)
                assert (await request.head())[0] == 504

    async def test_a_writer_that_breaks_before_the_first_binary_is_500(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                await accepted(writer)
                hang_up(writer, code=1006)
                await asyncio.wait_for(writer.task, 5)
                await worker.answer(invocation, result=None)
                assert (await request.head())[0] == 500

    async def test_a_worker_that_dies_before_the_first_binary_is_503(self, bind: Any) -> None:
        worker = await bind()
        async with Request("POST", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                await accepted(writer)
                await worker.engine.disconnect(worker.connection)
                assert (await request.head())[0] == 503

    async def test_head_has_the_headers_and_no_body(self, connect: Connect) -> None:
        worker = await connect("f")
        await worker.bind("t", "http", config={"api_path": "x"})
        async with Request("HEAD", "/x") as request:
            request.send()
            invocation = await invocation_of(worker)
            async with end_of(invocation["data"]["response"]) as writer:
                writer.send(headers_order(**{"x-a": "1"}))
                writer.send(b"body")
                assert (await request.head())[1]["x-a"] == "1"
                assert await request.chunk() == b""
                await accepted(writer)
                assert await writer.close_code() == 1000
