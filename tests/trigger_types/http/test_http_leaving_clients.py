"""Clients that leave while an answer is streamed: whoever writes it must learn of it.

A server need not say so when it is sent something; it tells whoever reads on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from django.core.asgi import get_asgi_application
from django.test import override_settings

from iii_triggers.engine.core import Engine
from tests.support.asgi import Socket
from tests.support.asgi import request as ask_server
from tests.support.channels import accepted, end_of, hang_up, messages
from tests.support.eventually import eventually
from tests.support.streaming import Request
from tests.support.workers import FakeWorker, Frame

Connect = Callable[..., Awaitable[FakeWorker]]
Bind = Callable[[], Awaitable[FakeWorker]]

RAW = {"content-type": "application/octet-stream"}


@pytest.fixture
def bind(connect: Connect) -> Bind:
    """A worker whose function serves POST /x."""

    async def bind() -> FakeWorker:
        worker = await connect("f", runtime="node", version="0.22.1")
        config = {"api_path": "x", "http_method": "POST", "timeout_ms": 200}
        await worker.bind("t", "http", config=config)
        return worker

    return bind


async def begin(request: Request, worker: FakeWorker) -> Frame:
    """Send a part of a body, and return the invocation."""
    request.send(b"part", more=True)
    return (await worker.transport.receive("invokefunction"))[0]


async def respond(writer: Socket, request: Request) -> None:
    await accepted(writer)
    writer.send(b"x")
    assert (await request.head())[0] == 200
    assert await request.chunk() == b"x"


async def test_with_a_body_that_nobody_reads(bind: Bind) -> None:
    worker = await bind()
    async with Request("POST", "/x", headers=RAW) as request:
        invocation = await begin(request, worker)
        async with end_of(invocation["data"]["response"]) as writer:
            await respond(writer, request)
            request.leave()
            assert await writer.close_code() == 1000


async def test_with_a_body_that_is_read_no_more(bind: Bind) -> None:
    worker = await bind()
    async with Request("POST", "/x", headers=RAW) as request:
        invocation = await begin(request, worker)
        async with end_of(invocation["data"]["request_body"]) as reader:
            await accepted(reader)
            hang_up(reader)
        async with end_of(invocation["data"]["response"]) as writer:
            await respond(writer, request)
            request.leave()
            assert await writer.close_code() == 1000


async def test_with_a_body_that_is_being_read(bind: Bind) -> None:
    worker = await bind()
    async with Request("POST", "/x", headers=RAW) as request:
        invocation = await begin(request, worker)
        async with (
            end_of(invocation["data"]["request_body"]) as reader,
            end_of(invocation["data"]["response"]) as writer,
        ):
            await respond(writer, request)
            request.leave()
            assert await writer.close_code() == 1000
            await accepted(reader)
            assert (await reader.event())["bytes"] == b"part"
            assert await reader.close_code() == 1011


async def test_with_a_body_that_was_read_after_the_answer_began(bind: Bind) -> None:
    worker = await bind()
    async with Request("POST", "/x", headers=RAW) as request:
        invocation = await begin(request, worker)
        async with end_of(invocation["data"]["response"]) as writer:
            await respond(writer, request)
            async with end_of(invocation["data"]["request_body"]) as reader:
                request.send(b"rest")
                await accepted(reader)
                assert await messages(reader) == [b"part", b"rest"]
            request.leave()
            assert await writer.close_code() == 1000


async def test_a_body_that_nobody_took_in_time_cannot_be_taken(bind: Bind) -> None:
    worker = await bind()
    async with Request("POST", "/x", headers=RAW) as request:
        invocation = await begin(request, worker)
        async with end_of(invocation["data"]["response"]) as writer:
            await respond(writer, request)
            request.send(b"rest", more=True)

            async def is_read_on() -> bool:
                return not request.unread

            await eventually(is_read_on)
            async with end_of(invocation["data"]["request_body"]) as reader:
                # Not an end without an error: it would look like an empty body.
                assert (await reader.event())["type"] == "websocket.close"
            hang_up(writer)
            assert await request.rest() == b""


@override_settings(MIDDLEWARE=["django.middleware.http.ConditionalGetMiddleware"])
async def test_an_answer_that_the_site_replaces(bind: Bind, engine: Engine) -> None:
    worker = await bind()
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    await worker.bind("get", "http", config={"api_path": "x"})
    asking = asyncio.ensure_future(
        ask_server(
            get_asgi_application(), "GET", "/iii/http/x", headers={"if-modified-since": date}
        )
    )
    invocation = (await worker.transport.receive("invokefunction"))[0]
    async with end_of(invocation["data"]["response"]) as writer:
        await accepted(writer)
        order = {"type": "set_headers", "headers": {"last-modified": date}}
        writer.send(order)
        writer.send(b"x")
        assert (await asking).status == 304
        assert await writer.close_code() == 1000
    assert not engine.channels.sources
