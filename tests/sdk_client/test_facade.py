"""The client for plain code, used from plain threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from iii_triggers.protocol.errors import (
    FunctionNotFound,
    InvocationStopped,
    TriggerRejected,
    WrongThread,
)
from iii_triggers.sdk import Client, init

from .stub import FAST, engine_on_a_thread


@pytest.fixture
def engine():
    with engine_on_a_thread() as (engine, run):
        engine.run = run
        yield engine


@pytest.fixture
def client(engine):
    with init(engine.url, **FAST) as client:
        yield client


def test_init_returns_a_connected_client(engine, client: Client):
    assert client.is_connected
    client.wait_connected(timeout_s=1)


def test_the_example_of_the_specification_runs(engine, client: Client):
    client.register_function({"id": "greet"}, lambda data: {"message": f"Hello, {data['name']}!"})
    trigger_id = client.register_trigger(
        {"type": "http", "function_id": "greet", "config": {"api_path": "greet"}}
    )
    assert client.call("greet", {"name": "Ada"}) == {"message": "Hello, Ada!"}
    client.unregister_trigger(trigger_id)
    assert engine.peers[0].of_type("unregistertrigger")[0]["id"] == trigger_id


def test_a_custom_trigger_type_fires_from_a_plain_callback(client: Client):
    fired = threading.Event()

    def on_register(trigger):
        if trigger.type == "slack":
            client.call(trigger.function_id, trigger.config)

    client.register_trigger_type({"id": "slack", "description": "Slack events"})
    client.on("registerTrigger", on_register)
    client.register_function("handle.message", lambda data: fired.set())
    client.register_trigger(type="slack", function_id="handle.message", config={"channel": "#g"})
    assert fired.wait(5)
    client.unregister_trigger_type("slack")


def test_errors_reach_the_calling_thread(client: Client):
    with pytest.raises(FunctionNotFound):
        client.call("nope")
    with pytest.raises(TriggerRejected, match="taken"):
        client.register_trigger(type="http", function_id="f", config={"reject": "taken"})


def test_many_threads_share_one_client(client: Client):
    client.register_function("double", lambda n: n * 2)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: client.call("double", n), range(40))) == [
            n * 2 for n in range(40)
        ]


def test_a_plain_handler_may_call_through_the_client(engine):
    with init(engine.url, concurrency=1, **FAST) as client:
        client.register_function("inner", lambda n: n + 1)
        client.register_function("outer", lambda n: client.call("inner", n) * 10)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda n: client.call("outer", n), range(4)))
    assert results == [10, 20, 30, 40]


def test_a_coroutine_handler_must_use_the_async_client(client: Client):
    async def wrong(data):
        try:
            client.call("inner")
        except WrongThread as error:
            return error.code

    async def right(data):
        return await client.async_client.call("inner")

    client.register_function("inner", lambda data: "ok")
    client.register_function("wrong", wrong)
    client.register_function("right", right)
    assert client.call("wrong") == "wrong_thread"
    assert client.call("right") == "ok"


def test_a_void_call_arrives(client: Client):
    arrived = threading.Event()
    client.register_function("audit", lambda data: arrived.set())
    client.call_void("audit")
    assert arrived.wait(5)


def test_an_unregistered_function_is_gone(client: Client):
    client.register_function("gone", lambda data: 1)
    assert client.call("gone") == 1
    client.unregister_function("gone")
    with pytest.raises(FunctionNotFound):
        client.call("gone")


def test_init_without_an_engine_returns_and_connects_later(engine):
    engine.run(engine.stop())
    with init(engine.url, **FAST) as client:
        assert not client.is_connected
        engine.run(engine.start(port=engine.port))
        client.wait_connected(timeout_s=5)


def test_shutdown_releases_every_waiting_thread(engine):
    client = init(engine.url, **FAST)
    with ThreadPoolExecutor(3) as pool:
        call = pool.submit(client.call, "silent", timeout_s=60)
        closed = pool.submit(client.wait_closed)
        peer = engine.peers[0]
        engine.run(engine.frame(peer, "invokefunction", count=2))
        client.shutdown()
        client.shutdown()
        closed.result(5)
        with pytest.raises(InvocationStopped):
            call.result(5)
    with pytest.raises(InvocationStopped):
        client.call("f")


def test_a_thread_that_waits_for_a_connection_is_released_by_shutdown():
    client = init("ws://127.0.0.1:1", **FAST)
    waiting = threading.Event()

    def wait():
        waiting.set()
        client.wait_connected()

    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(wait)
        assert waiting.wait(5)
        client.shutdown()
        with pytest.raises(InvocationStopped):
            blocked.result(5)
