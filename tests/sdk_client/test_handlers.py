"""Handlers: where they run, what their failures look like, and calls between them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from iii_triggers.protocol.errors import IiiError, InvocationFailed, NotFound
from iii_triggers.sdk import AsyncClient

from .stub import FAST, StubEngine, with_engine


class Counter:
    async def __call__(self, data):
        return threading.current_thread().name


@with_engine
async def test_plain_handlers_run_on_threads_and_coroutines_on_the_loop(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        here = threading.current_thread().name

        async def on_loop(data):
            return threading.current_thread().name

        client.register_function("plain", lambda data: threading.current_thread().name)
        client.register_function("coroutine", on_loop)
        client.register_function("object", Counter())
        client.register_function("lambda", lambda data: on_loop(data))
        assert (await client.call("plain")).startswith("iii-handler")
        assert await client.call("coroutine") == here
        assert await client.call("object") == here
        assert await client.call("lambda") == here


@with_engine
async def test_what_a_handler_calls_goes_on_with_its_trace(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        client.register_function("inner", lambda data: None)
        client.register_function("outer", lambda data: client.call("inner"))
        peer = await engine.peer()
        await engine.until(lambda: len(peer.of_type("registerfunction")) == 2)
        await peer.send(
            type="invokefunction", invocation_id="i", function_id="outer", data=1, traceparent=trace
        )
        # The first call is the introduction.
        call = await engine.frame(peer, "invokefunction", count=2)
        assert (call["function_id"], call.get("traceparent")) == ("inner", trace)


def _raise(error):
    def handler(data):
        raise error

    return handler


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (ValueError("bad input"), "invocation_failed", "bad input"),
        (KeyError(), "invocation_failed", "KeyError"),
        (NotFound("no such user"), "NOT_FOUND", "no such user"),
        (IiiError("sold", code="out_of_stock"), "out_of_stock", "sold"),
        (StopIteration(), "invocation_failed", "StopIteration"),
        (SystemExit(3), "invocation_failed", "3"),
        (asyncio.CancelledError(), "invocation_stopped", "Invocation stopped"),
    ],
)
def test_a_failing_handler_answers_with_an_error(raised, code, message):
    @with_engine
    async def scenario(engine: StubEngine):
        async with AsyncClient(engine.url, **FAST) as client:

            async def as_coroutine(data):
                raise raised

            handler = as_coroutine if code == "invocation_stopped" else _raise(raised)
            client.register_function("fail", handler)
            with pytest.raises(IiiError):
                await client.call("fail")
            (result,) = engine.peers[0].of_type("invocationresult")
            assert result["error"]["code"] == code
            assert result["error"]["message"] == message
            assert "result" not in result
            if code != "invocation_stopped":
                assert "Traceback" in result["error"]["stacktrace"]

    scenario()


@with_engine
async def test_a_result_that_is_not_json_is_an_error(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        client.register_function("odd", lambda data: object())
        with pytest.raises(IiiError) as caught:
            await client.call("odd")
    assert caught.value.code == "serialization_error"


@with_engine
async def test_a_function_that_is_not_there_is_answered(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST):
        peer = await engine.peer()
        await engine.invoke(peer, "ghost", None, "i1")
        result = await engine.frame(peer, "invocationresult")
    assert result["invocation_id"] == "i1"
    assert result["error"]["code"] == "function_not_found"


@with_engine
async def test_a_handler_may_call_another_function_of_its_own_worker(engine: StubEngine):
    async with AsyncClient(engine.url, concurrency=1, **FAST) as client:

        async def outer(data):
            return 1 + await client.call("inner", data)

        client.register_function("inner", lambda data: data * 10)
        client.register_function("outer", outer)
        assert await asyncio.gather(*(client.call("outer", n) for n in range(5))) == [
            1, 11, 21, 31, 41,
        ]  # fmt: skip


@with_engine
async def test_parallel_calls_of_one_handler_fit_in_one_slot(engine: StubEngine):
    async with AsyncClient(engine.url, concurrency=1, **FAST) as client:

        async def twice(data):
            first = await client.call("inner", data)
            return await client.call("inner", first)

        async def outer(data):
            return await asyncio.gather(*(twice(n) for n in range(4)))

        client.register_function("inner", lambda data: data + 1)
        client.register_function("outer", outer)
        assert await client.call("outer") == [2, 3, 4, 5]


@with_engine
async def test_concurrency_bounds_the_handlers_that_run(engine: StubEngine):
    running: list[int] = []
    peaks: list[int] = []
    full, go = asyncio.Event(), asyncio.Event()
    async with AsyncClient(engine.url, concurrency=2, **FAST) as client:

        async def busy(n):
            running.append(n)
            peaks.append(len(running))
            if len(running) == 2:
                full.set()
            await go.wait()
            running.remove(n)
            return n

        client.register_function("busy", busy)
        calls = [asyncio.create_task(client.call("busy", n)) for n in range(6)]
        await full.wait()
        # All six have arrived once the engine has answered a later question.
        await client.unregister_trigger("none")
        assert len(running) == 2
        go.set()
        assert await asyncio.gather(*calls) == list(range(6))
    assert max(peaks) == 2


@with_engine
async def test_a_slow_handler_delays_nothing_else(engine: StubEngine):
    go = asyncio.Event()
    async with AsyncClient(engine.url, **FAST) as client:

        async def slow(data):
            await go.wait()
            return "slow"

        client.register_function("slow", slow)
        client.register_function("quick", lambda data: "quick")
        waiting = asyncio.create_task(client.call("slow"))
        assert await client.call("quick") == "quick"
        go.set()
        assert await waiting == "slow"


@with_engine
async def test_the_stacktrace_of_a_failed_inner_call_is_passed_on(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:

        def deep_inside(data):
            raise ValueError("deep")

        async def outer(data):
            return await client.call("inner")

        client.register_function("inner", deep_inside)
        client.register_function("outer", outer)
        with pytest.raises(InvocationFailed, match="deep") as caught:
            await client.call("outer")
    assert "deep_inside" in (caught.value.stacktrace or "")


@with_engine
async def test_a_big_frame_passes(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        client.register_function("size", lambda data: len(data))
        assert await client.call("size", "x" * (3 * 2**20)) == 3 * 2**20
