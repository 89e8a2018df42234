"""Shutting down: what runs finishes, nothing new is taken, nothing is left behind."""

from __future__ import annotations

import asyncio

import pytest

from iii_triggers.protocol.errors import InvocationStopped
from iii_triggers.sdk import AsyncClient

from .stub import FAST, StubEngine, with_engine


class Gate:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, data):
        self.entered.set()
        await self.go.wait()
        return "done"


@with_engine
async def test_a_running_handler_finishes_and_its_result_is_sent(engine: StubEngine):
    gate = Gate()
    client = AsyncClient(engine.url, **FAST)
    client.register_function("slow", gate)
    await client.register_trigger(id="t1", type="queue", function_id="slow")
    await client.connect()
    peer = await engine.peer()
    await engine.invoke(peer, "slow", None, "i1")
    await gate.entered.wait()
    shutdown = asyncio.create_task(client.shutdown())
    await engine.frame(peer, "unregisterfunction")
    assert not shutdown.done()
    assert client.is_connected
    gate.go.set()
    await shutdown
    result = await engine.frame(peer, "invocationresult")
    assert (result["invocation_id"], result["result"]) == ("i1", "done")
    assert peer.of_type("unregistertrigger") == []
    await peer.socket.wait_closed()
    assert peer.socket.close_code == 1000


@with_engine
async def test_a_handler_may_call_while_the_client_drains(engine: StubEngine):
    gate = Gate()
    async with AsyncClient(engine.url, **FAST) as other, AsyncClient(engine.url, **FAST) as client:

        async def chain(data):
            await gate(data)
            return await client.call("elsewhere")

        other.register_function("elsewhere", lambda data: "from elsewhere")
        client.register_function("chain", chain)
        call = asyncio.create_task(other.call("chain"))
        await gate.entered.wait()
        shutdown = asyncio.create_task(client.shutdown())
        await engine.until(lambda: "chain" not in engine.functions)
        gate.go.set()
        assert await call == "from elsewhere"
        await shutdown


@with_engine
async def test_after_the_grace_handlers_are_cancelled(engine: StubEngine):
    gate = Gate()
    client = AsyncClient(engine.url, **FAST)
    client.register_function("stuck", gate)
    await client.connect()
    peer = await engine.peer()
    await engine.invoke(peer, "stuck", None, "i1")
    await gate.entered.wait()
    await client.shutdown(grace_s=0.05)
    await peer.socket.wait_closed()
    assert peer.of_type("invocationresult") == []


@with_engine
async def test_calls_in_flight_and_later_ones_are_stopped(engine: StubEngine):
    client = AsyncClient(engine.url, **FAST)
    await client.connect()
    call = asyncio.create_task(client.call("silent", timeout_s=60))
    peer = await engine.peer()
    await engine.frame(peer, "invokefunction", count=2)
    await client.shutdown()
    with pytest.raises(InvocationStopped, match="shut down"):
        await call
    for attempt in (client.call("f"), client.call_void("f"), client.connect()):
        with pytest.raises(InvocationStopped, match="shut down"):
            await attempt


@with_engine
async def test_shutting_down_twice_waits_twice_and_closes_once(engine: StubEngine):
    client = AsyncClient(engine.url, **FAST)
    await client.connect()
    await asyncio.gather(client.shutdown(), client.shutdown(), client.wait_closed())
    await client.shutdown()
    assert len(engine.peers) == 1


@with_engine
async def test_a_handler_may_shut_its_own_client_down(engine: StubEngine):
    client = AsyncClient(engine.url, **FAST)

    async def stop(data):
        await client.shutdown()

    client.register_function("stop", stop)
    await client.connect()
    await engine.invoke(await engine.peer(), "stop", None, "i1")
    await client.wait_closed()


@with_engine
async def test_a_client_that_never_connected_shuts_down(engine: StubEngine):
    client = AsyncClient(engine.url, **FAST)
    call = asyncio.create_task(client.call("f", timeout_s=60))
    await asyncio.sleep(0)
    await client.shutdown()
    with pytest.raises(InvocationStopped):
        await call


@with_engine
async def test_no_task_is_left_behind(engine: StubEngine):
    client = AsyncClient(engine.url, **FAST)
    await client.connect()
    peer = await engine.peer()
    await client.shutdown()
    await peer.socket.wait_closed()
    files = {task.get_coro().cr_code.co_filename for task in asyncio.all_tasks()}
    assert not {file for file in files if "iii_triggers/sdk" in file}


class LateEngine(StubEngine):
    """Sends an invocation before it reads that the function is withdrawn."""

    async def _on_unregisterfunction(self, peer, frame):
        await self.invoke(peer, frame["id"], "late", "i1")


def test_an_invocation_that_crosses_the_withdrawal_is_answered():
    async def scenario():
        async with asyncio.timeout(10), LateEngine() as engine:
            client = AsyncClient(engine.url, **FAST)
            client.register_function("echo", lambda data: data)
            await client.connect()
            peer = await engine.peer()
            await client.shutdown()
            assert (await engine.frame(peer, "invocationresult"))["result"] == "late"

    asyncio.run(scenario())


@with_engine
async def test_large_results_are_written_before_the_connection_closes(engine: StubEngine):
    go = asyncio.Event()
    client = AsyncClient(engine.url, **FAST)

    async def big(data):
        await go.wait()
        return "x" * 2**20

    client.register_function("big", big)
    await client.connect()
    peer = await engine.peer()
    for n in range(20):
        await engine.invoke(peer, "big", None, f"i{n}")
    shutdown = asyncio.create_task(client.shutdown())
    await engine.frame(peer, "unregisterfunction")
    go.set()
    await shutdown
    await engine.frame(peer, "invocationresult", count=20)
