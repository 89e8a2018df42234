"""What is measured of workers is written with the heartbeat, in one go."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iii_triggers.engine import measures
from iii_triggers.engine.connections import WorkerConnection
from iii_triggers.engine.core import Engine
from iii_triggers.engine.measures import Measure, take_measures, write_measures
from iii_triggers.models import Node, Worker
from tests.support.workers import FakeTransport, FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]


async def row_of(engine: Engine, worker: FakeWorker) -> Worker:
    return await engine.database.run(lambda: Worker.objects.get(pk=worker.id))


async def test_what_a_worker_does_is_written(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker, caller = await connect("f"), await connect()
    await flush()
    await caller.start_call("f", invocation_id="i")
    worker.connection.malformed_frames = 2
    worker.connection.last_frame_at = time.monotonic() - 60
    await engine._look()
    row = await row_of(engine, worker)
    assert row.in_flight == 1
    assert row.metrics == {
        "invocations_total": 1,
        "failures_total": 0,
        "in_flight": 1,
        "malformed_frames": 2,
    }
    ago = timezone.now() - row.last_seen
    assert timedelta(seconds=55) < ago < timedelta(seconds=65)


async def test_a_row_tells_what_a_worker_said_of_itself(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    told = {"language": "py\x07thon", "framework": 7, "amplitude_api_key": "secret", "x": "y"}
    worker = await connect(isolation="docker", telemetry=told)
    await flush()
    row = await row_of(engine, worker)
    assert (row.isolation, row.telemetry) == ("docker", {"language": "python"})
    for nothing in (None, [], "text", {"language": None}):
        await worker.introduce(telemetry=nothing)
        assert worker.connection.info.telemetry is None


async def test_a_worker_of_which_nothing_was_heard_is_not_written(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect()
    ghost = FakeWorker(engine)
    connections = [worker.connection, ghost.connection]
    assert [measure.worker_id for measure in take_measures(connections)] == [worker.id]
    assert take_measures(connections) == []
    worker.connection.last_frame_at += 1
    assert len(take_measures(connections)) == 1


async def test_what_could_not_be_written_is_written_later(
    engine: Engine, connect: Connect, flush: Flush, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(taken: list[Measure]) -> None:
        raise OperationalError

    worker = await connect()
    await flush()
    worker.connection.invocations = 7
    with monkeypatch.context() as patch:
        patch.setattr(measures, "write_measures", fail)
        with pytest.raises(OperationalError):
            await engine._look()
    await engine._look()
    metrics: Any = (await row_of(engine, worker)).metrics
    assert metrics["invocations_total"] == 7


def test_a_thousand_workers_take_one_statement_and_little_time(transactional_db: None) -> None:
    now = timezone.now()
    node = Node.objects.create(node_id="n", host="h", pid=1, started_at=now, heartbeat_at=now)
    connections = [WorkerConnection(transport=FakeTransport()) for _ in range(1000)]
    rows = [
        Worker(worker_id=c.worker_id, node=node, connected_at=now, last_seen=now)
        for c in connections
    ]
    Worker.objects.bulk_create(rows)
    for one in connections:
        one.spoke = True
        one.invocations = 3
    taken_s = []
    for _ in range(3):
        for one in connections:
            one.last_frame_at += 0.001
        started = time.process_time()
        with CaptureQueriesContext(connection) as queries:
            write_measures(take_measures(connections))
        taken_s.append(time.process_time() - started)
    assert Worker.objects.filter(metrics__invocations_total=3).count() == 1000
    assert sum("UPDATE" in query["sql"] for query in queries) == 1
    assert min(taken_s) < (0.1 if connection.vendor == "sqlite" else 1.0)


def test_a_worker_that_is_gone_is_not_written_anew(transactional_db: None) -> None:
    measure = Measure(worker_id="gone", last_seen=timezone.now(), in_flight=0, metrics={})
    write_measures([measure])
    write_measures([])
    assert not Worker.objects.exists()
