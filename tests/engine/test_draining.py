"""Workers go when they have finished: one that is drained, or all of a process that stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from iii_triggers.engine import draining
from iii_triggers.engine.calls import Call
from iii_triggers.engine.core import Engine
from iii_triggers.models import Node, Worker
from iii_triggers.operations.workers import drain
from iii_triggers.protocol.errors import FunctionNotFound, InvocationStopped
from tests.support.eventually import eventually
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]

RESTARTING = 1012


@pytest.fixture(autouse=True)
def grace(quiet: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("LOOK_S", "COVER_S", "GAP_S"):
        monkeypatch.setattr(draining, name, 0.005)
    with override_settings(III_SHUTDOWN_GRACE_S=5):
        yield


def ask(worker_id: str) -> None:
    """Ask for it, as any process does."""
    user, _ = User.objects.get_or_create(username="ada")
    drain(Worker.objects.get(pk=worker_id), user=user)


def start(engine: Engine, function_id: str = "f") -> asyncio.Future[Any]:
    return asyncio.ensure_future(engine.invoker.invoke(Call(function_id=function_id)))


async def gone(worker: FakeWorker) -> None:
    async def closed() -> bool:
        return worker.transport.close_code is not None

    await eventually(closed)
    assert worker.transport.close_code == RESTARTING


async def test_a_drained_worker_finishes_and_goes(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker, other = await connect("f", name="a"), await connect("g", name="b")
    call = start(engine)
    await worker.transport.receive("invokefunction")
    await flush()
    await engine.database.run(ask, worker.id)
    await engine.sync.poll()
    with pytest.raises(FunctionNotFound):
        await start(engine)
    await asyncio.sleep(0.05)
    assert worker.transport.close_code is None
    await worker.answer(worker.invocations[0], result=1)
    assert (await call).value() == 1
    await gone(worker)
    await flush()
    rows = await engine.database.run(lambda: list(Worker.objects.values_list("pk", flat=True)))
    assert rows == [other.id]
    assert other.transport.close_code is None


async def test_its_row_tells_since_when_whoever_began(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    start(engine)
    await flush()
    engine.drains.begin([worker.id, "nobody"])
    await flush()
    first = (await engine.database.run(Worker.objects.get)).draining_since
    assert first is not None
    await engine.database.run(ask, worker.id)
    await engine.sync.poll()
    assert (await engine.database.run(Worker.objects.get)).draining_since == first


async def test_a_worker_that_calls_gets_its_answer_first(engine: Engine, connect: Connect) -> None:
    caller, worker = await connect(name="a"), await connect("f", name="b")
    await caller.start_call("f", invocation_id="1")
    await worker.transport.receive("invokefunction")
    engine.drains.begin([caller.id])
    await asyncio.sleep(0.05)
    assert caller.transport.close_code is None
    await worker.answer(worker.invocations[0], result=1)
    await gone(caller)
    assert caller.results[-1]["result"] == 1


async def test_a_worker_that_does_not_finish_goes_at_the_end_of_the_grace(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect("f")
    call = start(engine)
    await worker.transport.receive("invokefunction")
    with override_settings(III_SHUTDOWN_GRACE_S=0.05):
        engine.drains.begin([worker.id])
        await gone(worker)
    with pytest.raises(InvocationStopped):
        await call


async def test_replicas_of_a_stopping_process_go_one_after_the_other(
    engine: Engine, connect: Connect
) -> None:
    first, last = await connect("f", name="a"), await connect("f", name="b")
    call = start(engine)
    await first.transport.receive("invokefunction")
    stopping = asyncio.ensure_future(engine.drain())

    async def began() -> bool:
        return first.connection.draining

    await eventually(began)
    assert engine.draining
    late = start(engine)
    (invocation,) = await last.transport.receive("invokefunction")
    await last.answer(invocation, result=2)
    assert (await late).value() == 2
    await first.answer(first.invocations[0], result=1)
    assert (await call).value() == 1
    await stopping
    assert (first.transport.close_code, last.transport.close_code) == (RESTARTING, RESTARTING)


async def test_what_nobody_else_does_runs_until_all_is_done(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect("f")
    call = start(engine)
    await worker.transport.receive("invokefunction")
    stopping = asyncio.ensure_future(engine.drain())
    rows = Node.objects.filter(draining_since__isnull=False)
    await eventually(lambda: engine.database.run(rows.exists))
    late = start(engine)
    for invocation in await worker.transport.receive("invokefunction", 2):
        await worker.answer(invocation, result=1)
    assert ((await call).value(), (await late).value()) == (1, 1)
    await stopping
    assert worker.transport.close_code == RESTARTING


async def test_many_workers_do_not_come_back_at_once(engine: Engine, connect: Connect) -> None:
    for number in range(5):
        await connect(name=f"w{number}")
    clock = asyncio.get_running_loop().time
    began = clock()
    with override_settings(III_CLOSE_SPREAD_S=0.02):
        await engine.drain()
    assert clock() - began > 0.016
    assert engine.connections == {}


async def test_the_last_of_many_workers_goes_when_the_spread_is_over(
    engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [await connect(f"f{number}") for number in range(100)]
    now, sleep = 0.0, asyncio.sleep

    async def oversleep(pause_s: float) -> None:
        nonlocal now
        now += pause_s + 0.02 if pause_s > 0 else 0
        await sleep(0)

    with monkeypatch.context() as patches, override_settings(III_CLOSE_SPREAD_S=0.5):
        patches.setattr(draining, "_now", lambda: now)
        patches.setattr(asyncio, "sleep", oversleep)
        await engine.drains.finish(deadline=5)
    assert 0.5 <= now < 0.6
    assert {worker.transport.close_code for worker in workers} == {RESTARTING}
