"""Workers that drain get no new calls: neither from their node nor from others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.utils import timezone

from iii_triggers.engine.core import Engine
from iii_triggers.models import Change, Worker
from iii_triggers.protocol.errors import FunctionNotFound
from tests.support.workers import FakeWorker

from .calling import asked, start

Offer = Callable[..., Awaitable[FakeWorker]]


async def drain(worker: FakeWorker, *, seen_by: Engine) -> None:
    """Let a worker drain, and another node learn of it."""
    worker.connection.draining = True

    def write() -> None:
        Worker.objects.filter(pk=worker.id).update(draining_since=timezone.now())
        Change.objects.record(Change.Kind.FUNCTION, worker.engine.node.node_id)

    await worker.engine.database.run(write)
    await seen_by.refresh()


async def test_another_worker_of_the_node_gets_the_calls(here: Engine, offer: Offer) -> None:
    leaving, staying = await offer(here, "f"), await offer(here, "f")
    leaving.connection.draining = True
    for number in (1, 2, 3):
        call = start(here)
        await staying.answer(await asked(staying, number), result=number)
        assert await call == number
    assert leaving.invocations == []


async def test_a_function_that_only_leaving_workers_offer_is_away(
    here: Engine, offer: Offer
) -> None:
    worker = await offer(here, "f")
    running = start(here)
    invocation = await asked(worker)
    worker.connection.draining = True
    with pytest.raises(FunctionNotFound):
        await start(here)
    await worker.answer(invocation, result=1)
    assert await running == 1


async def test_what_leaving_workers_still_do_may_call_them(here: Engine, offer: Offer) -> None:
    caller, worker = await offer(here, "g"), await offer(here, "f")
    caller.connection.draining = worker.connection.draining = True
    await caller.start_call("f", invocation_id="1")
    await worker.answer(await asked(worker), result=1)
    assert (await caller.transport.receive("invocationresult", 2))[-1]["result"] == 1


async def test_a_node_whose_only_worker_drains_is_not_asked(
    here: Engine, there: Engine, third: Engine, offer: Offer
) -> None:
    leaving, staying = await offer(there, "f"), await offer(third, "f")
    await drain(leaving, seen_by=here)
    calls = [start(here) for _ in range(4)]
    for number in range(1, 5):
        await staying.answer(await asked(staying, number), result=number)
    assert sorted([await call for call in calls]) == [1, 2, 3, 4]
    assert leaving.invocations == []
    await drain(staying, seen_by=here)
    assert here.functions.find("default", "f") is None


async def test_a_call_that_meets_a_leaving_worker_goes_elsewhere(
    here: Engine, there: Engine, third: Engine, offer: Offer, layer: Any
) -> None:
    leaving, staying = await offer(there, "f"), await offer(third, "f")
    # The others have not heard of it yet.
    leaving.connection.draining = True
    calls = [start(here) for _ in range(4)]
    for number in range(1, 5):
        await staying.answer(await asked(staying, number), result=number)
    assert sorted([await call for call in calls]) == [1, 2, 3, 4]
    assert leaving.invocations == []
    assert layer.of_type("iii.refused")
