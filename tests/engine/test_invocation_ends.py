"""How calls end when somebody goes, answers twice, or does not answer (section 4.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from django.test import override_settings

from iii_triggers.engine.calls import Call, Outcome
from iii_triggers.engine.core import Engine
from iii_triggers.protocol.errors import InvocationStopped, InvocationTimeout
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


async def test_calls_end_with_invocation_stopped_when_the_executor_dies(connect: Connect) -> None:
    caller, executor = await connect(), await connect("f")
    await caller.start_call("f", invocation_id="i1")
    await executor.leave()
    assert caller.results[-1]["invocation_id"] == "i1"
    assert caller.results[-1]["error"] == {
        "code": "invocation_stopped",
        "message": "Invocation stopped",
    }


async def test_a_dead_caller_is_sent_nothing_and_the_late_result_is_ignored(
    engine: Engine, connect: Connect
) -> None:
    caller, executor = await connect(), await connect("f")
    await caller.start_call("f", invocation_id="i1")
    frames = list(caller.transport.frames)
    caller.transport.send_text = lambda text: pytest.fail(f"sent {text}")  # type: ignore[method-assign]
    await engine.disconnect(caller.connection)
    assert engine.invoker.in_flight == 0
    assert executor.connection.executing == {}
    await executor.answer(executor.invocations[0], result=1)
    assert caller.transport.frames == frames
    assert executor.transport.close_code is None


async def test_a_caller_that_dies_in_a_call_to_itself_leaves_nothing_behind(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect("f")
    await worker.start_call("f", invocation_id="i1")
    await worker.leave()
    assert engine.invoker.in_flight == 0


async def test_a_dead_callers_call_to_the_site_leaves_nothing_behind(
    engine: Engine, connect: Connect
) -> None:
    caller = await connect()
    await caller.start_call("engine::workers::list", invocation_id="i1")
    await caller.leave()
    assert await engine.invoker.wait_idle(1)
    assert caller.results == caller.results[:1]


async def test_duplicate_late_and_unknown_results_are_ignored(connect: Connect) -> None:
    caller, executor = await connect(), await connect("f")
    await caller.start_call("f", invocation_id="i1")
    [invocation] = executor.invocations
    before = len(caller.results)
    await executor.answer(invocation, result=1)
    await executor.answer(invocation, result=2)
    await executor.send("invocationresult", invocation_id="never-asked", result=3)
    await executor.send("invocationresult", result=4)
    assert [result["result"] for result in caller.results[before:]] == [1]


async def test_only_the_connection_that_was_asked_may_answer(connect: Connect) -> None:
    caller, executor, stranger = await connect(), await connect("f"), await connect()
    await caller.start_call("f", invocation_id="i1")
    [invocation] = executor.invocations
    before = len(caller.results)
    await stranger.answer(invocation, result="forged")
    await caller.answer(invocation, result="forged")
    await executor.answer(invocation, result="real")
    assert [result["result"] for result in caller.results[before:]] == ["real"]


async def test_an_id_that_is_in_flight_may_be_used_again(connect: Connect) -> None:
    caller, other, executor = await connect(), await connect(), await connect("f")
    await caller.start_call("f", "first", invocation_id="same")
    await caller.start_call("f", "second", invocation_id="same")
    await other.start_call("f", "third", invocation_id="same")
    assert len({invocation["invocation_id"] for invocation in executor.invocations}) == 3
    for invocation in reversed(executor.invocations):
        await executor.answer(invocation, result=invocation["data"])
    assert [result["result"] for result in caller.results[-2:]] == ["second", "first"]
    assert other.results[-1]["result"] == "third"
    assert {result["invocation_id"] for result in caller.results[-2:]} == {"same"}


async def test_a_call_ends_with_timeout_at_its_deadline(engine: Engine, connect: Connect) -> None:
    executor = await connect("f")
    with pytest.raises(InvocationTimeout) as caught:
        await engine.invoker.invoke(Call(function_id="f", timeout_s=0.01))
    assert caught.value.code == "TIMEOUT"
    assert executor.connection.executing == {}
    await executor.answer(executor.invocations[0], result=1)


async def test_the_default_deadline_is_the_sites(engine: Engine, connect: Connect) -> None:
    await connect("f")
    with override_settings(III_DEFAULT_TIMEOUT_MS=10), pytest.raises(InvocationTimeout):
        await engine.invoker.invoke(Call(function_id="f"))


async def test_a_function_withdrawn_in_flight_still_answers(connect: Connect) -> None:
    caller, executor = await connect(), await connect("f")
    await caller.start_call("f", invocation_id="i1")
    await executor.send("unregisterfunction", id="f")
    await executor.answer(executor.invocations[0], result=1)
    assert caller.results[-1]["result"] == 1
    assert (await caller.call("f"))["error"]["code"] == "function_not_found"


async def test_a_function_renewed_in_flight_is_answered_by_the_connection_that_was_asked(
    connect: Connect,
) -> None:
    caller, executor = await connect(), await connect("f")
    await caller.start_call("f", invocation_id="i1")
    await executor.offer("f")
    newcomer = await connect("f")
    await executor.answer(executor.invocations[0], result="old")
    assert caller.results[-1]["result"] == "old"
    assert newcomer.invocations == []


async def test_a_call_to_a_socket_that_just_closed_is_an_error(connect: Connect) -> None:
    caller, executor = await connect(), await connect("f")
    executor.transport.is_broken = True
    assert (await caller.call("f"))["error"]["code"] == "channel_send_failed"
    assert executor.connection.executing == {}


async def test_a_call_that_a_dead_socket_does_not_take_goes_to_another_replica(
    connect: Connect,
) -> None:
    caller = await connect()
    dead, alive = await connect("f", name="dead"), await connect("f", name="alive")
    dead.transport.is_broken = True
    for number in range(3):
        await caller.start_call("f", number, invocation_id=f"i{number}")
    assert [frame["data"] for frame in alive.invocations] == [0, 1, 2]
    assert not any("error" in result for result in caller.results)


async def test_a_call_that_a_dead_socket_does_not_take_goes_to_the_sites_own_function(
    engine: Engine, connect: Connect
) -> None:
    engine.functions.add_local(declare(engine.site, "f", lambda data: "the site's"))
    caller, dead = await connect(), await connect("f")
    dead.transport.is_broken = True
    assert (await caller.call("f"))["result"] == "the site's"


async def test_stopping_ends_what_is_in_flight(engine: Engine, connect: Connect) -> None:
    await connect("f")
    outcomes: list[Outcome] = []
    engine.invoker.start(Call(function_id="f"), outcomes.append)
    await engine.stop()
    assert isinstance(outcomes[0], InvocationStopped)


async def test_draining_waits_for_what_is_in_flight(engine: Engine, connect: Connect) -> None:
    executor = await connect("f")
    call = asyncio.ensure_future(engine.invoker.invoke(Call(function_id="f")))
    await executor.transport.receive("invokefunction")
    with override_settings(III_SHUTDOWN_GRACE_S=5):
        draining = asyncio.ensure_future(engine.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        await executor.answer(executor.invocations[0], result=1)
        await draining
    assert (await call).value() == 1
