"""``engine::functions-available``: told when functions came or went, in good time and not often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers.builtins import visibility
from iii_triggers.engine.connections import WorkerConnection
from iii_triggers.engine.core import Engine
from iii_triggers.engine.functions import FunctionInfo
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.trigger_types import functions_available
from iii_triggers.trigger_types.functions_available import FunctionsAvailableTriggerType
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

TYPE = "engine::functions-available"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test waits for a moment of quiet again and again."""
    monkeypatch.setattr(functions_available, "QUIET_S", 0.02)
    monkeypatch.setattr(functions_available, "LONGEST_S", 0.2)


@pytest.fixture
def kind(engine: Engine) -> FunctionsAvailableTriggerType:
    kind = engine.trigger_type(TYPE)
    assert isinstance(kind, FunctionsAvailableTriggerType)
    return kind


async def subscribed(connect: Connect, **facts: Any) -> FakeWorker:
    worker = await connect("told", **facts)
    await worker.bind("t", TYPE, function_id="told")
    return worker


async def told(worker: FakeWorker, number: int = 1) -> list[Any]:
    """Return what a worker is told; each firing is answered, because they come one by one."""
    for count in range(1, number + 1):
        frames = await worker.transport.receive("invokefunction", count)
        await worker.answer(frames[count - 1], result=None)
    return [frame["data"] for frame in worker.invocations]


def ids(firing: Any) -> set[str]:
    return {row["function_id"] for row in firing["functions"]}


async def quiet(kind: FunctionsAvailableTriggerType) -> None:
    """Wait until no change is waiting to be told."""
    async with asyncio.timeout(5):
        while kind._timer is not None:  # noqa: ASYNC110 - a timer has no event
            await asyncio.sleep(0.01)


async def test_rows_are_those_of_the_list_and_hidden_ones(connect: Connect) -> None:
    worker = await subscribed(connect, name="w")
    await worker.send("registerfunction", id="new", request_format={"type": "object"})
    (firing,) = await told(worker)
    assert firing["event"] == "functions_changed"
    assert {"told", "new", "engine::functions::list"} <= ids(firing)
    rows = {row["function_id"]: row for row in firing["functions"]}
    assert rows["new"] == {"function_id": "new", "namespace": "default", "worker_name": "w"}


async def test_subscribing_fires_nothing(
    connect: Connect, kind: FunctionsAvailableTriggerType
) -> None:
    worker = await subscribed(connect)
    await quiet(kind)
    assert worker.invocations == []


async def test_changes_that_come_together_fire_once(
    connect: Connect, kind: FunctionsAvailableTriggerType
) -> None:
    worker = await subscribed(connect)
    other = await connect("a", "b", "c")
    (firing,) = await told(worker)
    assert {"a", "b", "c"} <= ids(firing)
    await other.leave()
    firing = (await told(worker, 2))[1]
    assert not ids(firing) & {"a", "b", "c"}


async def test_what_leaves_the_set_as_it_was_fires_nothing(
    connect: Connect, kind: FunctionsAvailableTriggerType
) -> None:
    worker = await subscribed(connect)
    replica = await connect("told")
    await replica.offer("brief")
    await replica.send("unregisterfunction", id="brief")
    await replica.leave()
    await quiet(kind)
    assert worker.invocations == []


async def test_changes_without_end_are_told_too(
    connect: Connect, kind: FunctionsAvailableTriggerType
) -> None:
    worker, busy = await subscribed(connect), await connect()
    number = 0
    async with asyncio.timeout(5):
        while not worker.invocations:
            number += 1
            await busy.offer(f"f{number}")
            await asyncio.sleep(0.005)
    assert number > 1


async def test_a_busy_function_gets_the_newest_when_it_is_done(
    connect: Connect, kind: FunctionsAvailableTriggerType
) -> None:
    worker, other = await subscribed(connect), await connect("a")
    (first,) = await worker.transport.receive("invokefunction")
    for function_id in ("b", "c"):
        await other.offer(function_id)
        await quiet(kind)
    assert len(worker.invocations) == 1
    await worker.answer(first, error={"code": "x", "message": "Broken."})
    second = (await worker.transport.receive("invokefunction", 2))[1]
    assert {"a", "b", "c"} <= ids(second["data"])
    await worker.answer(second, result=None)
    await quiet(kind)
    assert len(worker.invocations) == 2


async def test_one_that_ends_is_told_nothing(
    connect: Connect, kind: FunctionsAvailableTriggerType
) -> None:
    worker, other = await subscribed(connect), await connect()
    await other.offer("a")
    await worker.send("unregistertrigger", id="t")
    assert kind._timer is None
    await worker.bind("t", TYPE, function_id="told")
    await quiet(kind)
    assert worker.invocations == []


async def test_the_site_is_told_as_well(
    engine: Engine, kind: FunctionsAvailableTriggerType, connect: Connect
) -> None:
    heard: list[Any] = []
    engine.functions.add_local(declare(engine.site, "site", heard.append))
    trigger = Trigger(id="s", trigger_type=TYPE, function_id="site", source="code")
    await engine.triggers.register(trigger)
    await connect("a")
    async with asyncio.timeout(5):
        while not heard:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.005)
    assert "a" in ids(heard[0])


async def test_what_a_function_does_to_its_input_is_seen_by_no_other(
    engine: Engine, kind: FunctionsAvailableTriggerType, connect: Connect
) -> None:
    heard: list[int] = []

    async def greedy(data: Any) -> None:
        heard.append(len(data["functions"]))
        data["functions"].clear()

    engine.functions.add_local(declare(engine.site, "greedy", greedy))
    for id_ in ("one", "two"):
        trigger = Trigger(id=id_, trigger_type=TYPE, function_id="greedy", source="code")
        await engine.triggers.register(trigger)
    await connect("a")
    async with asyncio.timeout(5):
        while len(heard) < 2:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.005)
    assert heard[0] == heard[1] > 0


async def test_a_subscriber_is_told_what_it_may_see(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def visible(connection: WorkerConnection | None, info: FunctionInfo) -> bool:
        return info.function_id != "secret"

    for module in (visibility, functions_available):
        monkeypatch.setattr(module, "sees_everything", lambda connection: connection is None)
        monkeypatch.setattr(module, "visible", visible)
    worker = await subscribed(connect)
    await connect("secret", "public")
    (firing,) = await told(worker)
    assert "public" in ids(firing)
    assert "secret" not in ids(firing)


async def test_ten_thousand_functions_cost_little(
    engine: Engine, connect: Connect, kind: FunctionsAvailableTriggerType
) -> None:
    """Noting a change is a comparison; the firings are few, whatever comes."""
    workers = [await connect(name=f"w{number}") for number in range(100)]
    started = time.process_time()
    await _arrive(engine, workers)
    alone_s = time.process_time() - started
    worker = await subscribed(connect)
    started = time.process_time()
    await _arrive(engine, workers, suffix="again")
    watched_s = time.process_time() - started
    (firing,) = await told(worker)
    assert len(firing["functions"]) > 20_000
    assert watched_s < 3 * alone_s + 2


async def _arrive(engine: Engine, workers: list[FakeWorker], *, suffix: str = "") -> None:
    for worker in workers:
        for number in range(100):
            info = FunctionInfo(function_id=f"{worker.id}.{number}.{suffix}")
            engine.functions.offer(info, worker.connection)
