"""Rows of many workers are written, and go, with few statements in short transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iii_triggers.engine.core import Engine
from iii_triggers.engine.mirror import write_batch
from iii_triggers.models import Function, Subscription, Trigger, Worker
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]

MANY = 120


async def statements(engine: Engine) -> list[str]:
    """Write what waits; return the statements it took."""

    def write() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            write_batch(engine.mirror.take())
        return [query["sql"] for query in captured.captured_queries]

    return await engine.database.run(write)


async def bind_many(
    worker: FakeWorker, type_: str = "http", *, path: str = "x", count: int = MANY
) -> None:
    for number in range(count):
        config = {"api_path": f"{path}/{number}", "topic": f"{path}.{number}", "stream_name": path}
        await worker.bind(f"t{number}", type_, config=config)


@pytest.mark.parametrize("type_", ["http", "state", "stream", "log"])
async def test_triggers_whose_rows_nothing_follows_take_few_statements(
    engine: Engine, connect: Connect, flush: Flush, type_: str
) -> None:
    worker = await connect("f")
    await flush()
    await bind_many(worker, type_)
    few = await statements(engine)
    assert len(few) < 15, few
    assert await engine.database.run(Trigger.objects.filter(worker_id=worker.id).count) == MANY


async def test_triggers_that_change_keep_their_rows(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await bind_many(worker)
    await flush()
    before = await engine.database.run(lambda: Trigger.objects.get(trigger_id="t7"))
    await bind_many(worker, path="y")
    assert len(await statements(engine)) < 15
    after = await engine.database.run(lambda: Trigger.objects.get(trigger_id="t7"))
    assert after.config["api_path"] == "y/7"
    assert (after.pk, after.created_at) == (before.pk, before.created_at)
    assert after.updated_at > before.updated_at


async def test_an_id_that_the_site_has_taken_is_left_out_of_many(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await bind_many(worker)
    await engine.database.run(
        lambda: Trigger.objects.create(trigger_id="t7", trigger_type="x", function_id="sites")
    )
    await flush()
    row = await engine.database.run(lambda: Trigger.objects.get(trigger_id="t7"))
    assert (row.function_id, row.source, row.worker_id) == ("sites", "admin", None)
    assert await engine.database.run(Trigger.objects.filter(worker_id=worker.id).count) == MANY - 1


async def test_a_trigger_that_was_one_of_a_queue_lets_go_of_it(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await worker.bind("t1", "queue", config={"topic": "x"})
    await flush()
    assert await engine.database.run(Subscription.objects.count) == 1
    await bind_many(worker)
    await flush()
    assert await engine.database.run(Subscription.objects.count) == 0
    row = await engine.database.run(lambda: Trigger.objects.get(trigger_id="t1"))
    assert (row.trigger_type, row.identity) == ("http", "")


async def test_triggers_of_queues_are_written_in_transactions_that_are_short(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await flush()
    await bind_many(worker, "queue", count=40)
    found = await statements(engine)
    commits = [number for number, sql in enumerate(found) if sql == "COMMIT"]
    longest = max(b - a for a, b in zip([0, *commits], commits, strict=False))
    assert len(commits) >= 2
    assert longest < 700
    assert await engine.database.run(Subscription.objects.count) == 40


async def test_triggers_that_are_taken_back_go_together(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker, other = await connect("f"), await connect("f")
    await bind_many(worker)
    await other.bind("stays", "http", config={"api_path": "z"})
    await flush()
    for number in range(MANY):
        await worker.send("unregistertrigger", id=f"t{number}")
    assert len(await statements(engine)) < 15
    left = await engine.database.run(lambda: [row.trigger_id for row in Trigger.objects.all()])
    assert left == ["stays"]


async def test_workers_come_and_go_together(engine: Engine, connect: Connect, flush: Flush) -> None:
    workers = [await connect("f", f"g{number}") for number in range(MANY)]
    for number, worker in enumerate(workers):
        await worker.bind(f"t{number}", "http", config={"api_path": f"x/{number}"})
    came = await statements(engine)
    assert len(came) < 30, came
    for worker in workers[1:]:
        await worker.leave()
    went = await statements(engine)
    assert len(went) < 30, went
    left: Any
    for model in (Worker, Function.objects.exclude(worker=None), Trigger):
        left = model if not isinstance(model, type) else model.objects.all()
        owners = await engine.database.run(lambda left=left: {row.pk for row in left})
        assert len(owners) == (2 if left.model is Function else 1)


async def test_a_queue_goes_on_collecting_for_each_of_many_workers_that_went(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    workers = [await connect(f"f{number}") for number in range(5)]
    for number, worker in enumerate(workers):
        await worker.bind(
            f"t{number}", "queue", function_id=f"f{number}", config={"topic": f"x{number}"}
        )
    await flush()
    for worker in workers:
        await worker.leave()
    await flush()
    rows = await engine.database.run(lambda: list(Subscription.objects.all()))
    assert len(rows) == 5
    assert all(row.expires_at is not None for row in rows)


async def test_many_workers_that_are_drained_and_go_take_few_statements(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    workers = [await connect(f"f{number}") for number in range(MANY)]
    await flush()
    for worker in workers:
        engine.mirror.worker_drains(worker.connection)
    assert len(await statements(engine)) < 10
    drained = Worker.objects.exclude(draining_since=None)
    assert await engine.database.run(drained.count) == MANY
    await engine.drains.finish(asyncio.get_running_loop().time())
    found = await statements(engine)
    assert len(found) < 15
    assert not any("draining_since" in sql and sql.startswith("UPDATE") for sql in found)
    assert await engine.database.run(Worker.objects.count) == 0
