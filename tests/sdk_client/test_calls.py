"""Calling functions: results, errors, deadlines, and being offline."""

from __future__ import annotations

import asyncio

import pytest

from iii_triggers.protocol.errors import (
    Forbidden,
    FunctionNotFound,
    IiiError,
    InvalidArguments,
    InvocationFailed,
    InvocationStopped,
    InvocationTimeout,
    LimitExceeded,
)
from iii_triggers.sdk import AsyncClient

from .stub import FAST, StubEngine, with_engine


@with_engine
async def test_a_call_returns_the_result_of_another_worker(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as server, AsyncClient(engine.url, **FAST) as client:
        server.register_function("double", lambda n: n * 2)
        await engine.until(lambda: "double" in engine.functions)
        assert await client.call("double", 21) == 42


@with_engine
async def test_no_result_is_none(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        client.register_function("nothing", lambda data: None)
        assert await client.call("nothing") is None
        (result,) = engine.peers[0].of_type("invocationresult")
        assert "result" not in result


async def _error_of_a_call(engine: StubEngine, error) -> IiiError:
    async with AsyncClient(engine.url, **FAST) as client:
        call = asyncio.create_task(client.call("silent"))
        peer = await engine.peer()
        await engine.until(lambda: len(peer.of_type("invokefunction")) == 2)
        invocation_id = peer.of_type("invokefunction")[1]["invocation_id"]
        await peer.send(type="invocationresult", invocation_id=invocation_id, error=error)
        with pytest.raises(IiiError) as caught:
            await call
    return caught.value


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("function_not_found", FunctionNotFound),
        ("TIMEOUT", InvocationTimeout),
        ("invocation_stopped", InvocationStopped),
        ("FORBIDDEN", Forbidden),
        ("invocation_failed", InvocationFailed),
        ("out_of_stock", InvocationFailed),
    ],
)
def test_the_code_of_an_error_chooses_its_class(code, kind):
    found: list[IiiError] = []

    @with_engine
    async def scenario(engine: StubEngine):
        body = {"code": code, "message": "because", "stacktrace": "line 1"}
        found.append(await _error_of_a_call(engine, body))

    scenario()
    (error,) = found
    assert type(error) is kind
    assert (error.code, error.message, error.stacktrace) == (code, "because", "line 1")


@with_engine
async def test_an_untidy_error_is_still_an_error(engine: StubEngine):
    error = await _error_of_a_call(engine, {"code": 7})
    assert (type(error), error.code) == (InvocationFailed, "invocation_failed")


@with_engine
async def test_an_unknown_function_raises(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        with pytest.raises(FunctionNotFound, match="nope"):
            await client.call("nope")


@with_engine
async def test_a_call_without_an_answer_times_out(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        with pytest.raises(InvocationTimeout, match="silent"):
            await client.call("silent", timeout_s=0.05)


@with_engine
async def test_a_late_result_is_ignored(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        with pytest.raises(InvocationTimeout):
            await client.call("silent", timeout_s=0.05)
        peer = engine.peers[0]
        invocation_id = peer.of_type("invokefunction")[1]["invocation_id"]
        await peer.send(type="invocationresult", invocation_id=invocation_id, result=1)
        client.register_function("echo", lambda data: data)
        assert await client.call("echo", "still here") == "still here"


@with_engine
async def test_a_void_call_asks_for_no_result(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        await client.call_void("audit", {"n": 1})
        frame = await engine.frame(await engine.peer(), "invokefunction", count=2)
    assert frame == {
        "type": "invokefunction",
        "function_id": "audit",
        "data": {"n": 1},
        "action": {"type": "void"},
    }


@with_engine
async def test_a_call_made_offline_is_answered_after_connecting(engine: StubEngine):
    await engine.stop()
    async with AsyncClient(engine.url, **FAST) as client:
        assert not client.is_connected
        client.register_function("echo", lambda data: data)
        call = asyncio.create_task(client.call("echo", "patience"))
        await engine.start(port=engine.port)
        assert await call == "patience"


@with_engine
async def test_a_call_that_timed_out_offline_is_never_sent(engine: StubEngine):
    await engine.stop()
    async with AsyncClient(engine.url, **FAST) as client:
        with pytest.raises(InvocationTimeout):
            await client.call("audit", timeout_s=0.05)
        await engine.start(port=engine.port)
        peer = await engine.peer()
        assert [frame["function_id"] for frame in peer.frames] == ["engine::workers::register"]


def test_too_many_offline_calls_are_refused():
    async def scenario():
        client = AsyncClient("ws://127.0.0.1:1", **FAST)
        for _ in range(1000):
            await client.call_void("audit")
        with pytest.raises(LimitExceeded):
            await client.call_void("audit")
        with pytest.raises(LimitExceeded):
            await client.call("audit")

    asyncio.run(scenario())


@with_engine
async def test_more_void_calls_than_the_offline_limit_all_arrive_online(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        for n in range(2500):
            await client.call_void("audit", n)
        peer = await engine.peer()
        await engine.until(lambda: len(peer.of_type("invokefunction")) == 2501)
    assert [frame["data"] for frame in peer.of_type("invokefunction")[1:]] == list(range(2500))


@with_engine
async def test_a_call_on_a_connection_that_is_lost_stops_at_once(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        call = asyncio.create_task(client.call("silent", timeout_s=60))
        peer = await engine.peer()
        await engine.until(lambda: len(peer.of_type("invokefunction")) == 2)
        peer.socket.transport.abort()
        with pytest.raises(InvocationStopped, match="lost"):
            await call
        assert (await engine.peer(1)).types() == ["reattach", "invokefunction"]


@with_engine
async def test_data_that_is_not_json_is_refused(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        with pytest.raises(InvalidArguments, match="audit"):
            await client.call("audit", object())
        with pytest.raises(InvalidArguments):
            await client.call("", 1)


@with_engine
async def test_calls_go_to_the_namespace_of_the_client_but_the_engines_own_do_not(
    engine: StubEngine,
):
    async with AsyncClient(engine.url, namespace="shop", **FAST) as client:
        await client.call_void("audit")
        await client.call_void("audit", namespace="other")
        await client.call_void("engine::log::info")
        peer = await engine.peer()
        await engine.frame(peer, "invokefunction", count=4)
    namespaces = [frame.get("namespace") for frame in peer.of_type("invokefunction")[1:]]
    assert namespaces == ["shop", "other", None]
