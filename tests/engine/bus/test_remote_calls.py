"""Functions of workers that are connected to another process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.protocol.errors import (
    FunctionNotFound,
    InvocationFailed,
    InvocationStopped,
    InvocationTimeout,
)
from tests.support.layers import FakeLayer
from tests.support.workers import FakeWorker

from .calling import asked, start

Offer = Callable[..., Awaitable[FakeWorker]]


async def test_a_function_of_another_process_is_called(
    here: Engine, there: Engine, offer: Offer
) -> None:
    worker = await offer(there, "f")
    call = start(here, {"n": 1}, metadata={"m": 2}, traceparent="t", baggage="b")
    invocation = await asked(worker)
    assert invocation["data"] == {"n": 1}
    assert invocation["metadata"] == {"m": 2}
    assert (invocation["traceparent"], invocation["baggage"]) == ("t", "b")
    await worker.answer(invocation, result={"n": 2})
    assert await call == {"n": 2}
    assert here.invoker.in_flight == there.invoker.in_flight == 0


async def test_no_result_and_null_are_no_result(here: Engine, there: Engine, offer: Offer) -> None:
    worker = await offer(there, "f")
    call = start(here)
    await worker.answer(await asked(worker))
    assert await call is None


async def test_the_error_of_the_function_arrives(here: Engine, there: Engine, offer: Offer) -> None:
    worker = await offer(there, "f")
    call = start(here)
    error = {"code": "mine", "message": "no", "stacktrace": "line 1"}
    await worker.answer(await asked(worker), error=error)
    with pytest.raises(InvocationFailed) as caught:
        await call
    assert (caught.value.code, caught.value.message, caught.value.stacktrace) == (
        "mine",
        "no",
        "line 1",
    )


async def test_the_end_of_the_worker_ends_the_call(
    here: Engine, there: Engine, offer: Offer
) -> None:
    worker = await offer(there, "f")
    call = start(here)
    await asked(worker)
    await worker.leave()
    with pytest.raises(InvocationStopped):
        await call


async def test_a_worker_that_is_gone_is_not_found(
    here: Engine, there: Engine, offer: Offer
) -> None:
    worker = await offer(there, "f")
    await worker.leave()
    with pytest.raises(FunctionNotFound):
        await start(here)
    assert here.functions.find("default", "f") is None


async def test_a_dead_socket_is_no_worker(here: Engine, there: Engine, offer: Offer) -> None:
    worker = await offer(there, "f")
    worker.transport.is_broken = True
    with pytest.raises(FunctionNotFound):
        await start(here)


async def test_a_call_times_out(here: Engine, there: Engine, offer: Offer) -> None:
    worker = await offer(there, "f")
    call = start(here, timeout_s=0.05)
    await asked(worker)
    with pytest.raises(InvocationTimeout):
        await call


async def test_the_outcome_for_a_caller_that_left_goes_nowhere(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    worker, caller = await offer(there, "f"), await offer(here)
    await caller.start_call("f", invocation_id="1")
    invocation = await asked(worker)
    await caller.leave()
    await layer.delivered("iii.forget")
    await asyncio.sleep(0)
    await worker.answer(invocation, result=1)
    assert layer.of_type("iii.result") == []
    assert here.invoker.in_flight == 0


async def test_the_list_of_functions_has_those_of_other_processes_once(
    here: Engine, there: Engine, offer: Offer
) -> None:
    worker = await offer(here, "both")
    await offer(there, "both", "f", name="far")
    rows = (await worker.call("engine::functions::list", {}))["result"]["functions"]
    named = {row["function_id"]: row["worker_name"] for row in rows}
    assert len(rows) == len(named)
    assert named["f"] == "far"
    assert named["both"] != "far"
