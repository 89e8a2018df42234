"""Over III_HISTORY_PAYLOADS_PER_S, runs that succeed wait for others to be noted with."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection
from django.test import override_settings

from iii_triggers.engine.calls import Call
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.core import Engine
from iii_triggers.engine.history import entries, plain_runs, recorder, writing
from iii_triggers.models import Invocation, TypeStat
from tests.support.workers import FakeWorker

from .recording import DELIVERY, Connect, away, fail_to_flush, recording, rows, run_on

__all__ = ["recording"]


@pytest.fixture(autouse=True)
def two_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_runs, "WORTH_IT", 2)


@pytest.fixture
def many(engine: Engine, connect: Connect) -> Connect:
    """Connect a worker, after which payloads are used up for good."""

    async def connected(*functions: str, **fields: Any) -> FakeWorker:
        worker = await connect(*functions, **fields)
        await engine.history.flush()
        engine.history._payloads.used_up_until = math.inf
        return worker

    return connected


async def test_their_rows_are_those_of_others(
    engine: Engine, connect: Connect, many: Connect
) -> None:
    before = time.time() - 0.01
    worker, caller = await connect("f", name="adder"), await many(name="caller")
    cause = Cause(trigger_type="http", trigger_id="t")
    for trace in ("x", "y"):
        call = Call(function_id="f", cause=cause, traceparent=trace)
        await run_on(engine, worker, call, result=1)
    for chosen in ("mine", "mine"):
        await caller.start_call("f", {"x": 1}, invocation_id=chosen)
        await worker.answer(worker.invocations[-1], result=1)
    delivery = Cause(trigger_type="queue", trigger_id="q", delivery_id=DELIVERY, attempt=2)
    await run_on(engine, worker, Call(function_id="f", cause=delivery), result=1)
    # A delivery has no fellows.
    assert (engine.history._plain.count, engine.history.waiting) == (4, 5)
    one, two, called, again, delivered = await rows(engine)
    names = ("status", "trigger_type", "trigger_id", "worker_name", "traceparent")
    assert [getattr(one, name) for name in names] == ["succeeded", "http", "t", "adder", "x"]
    assert (two.trigger_id, two.traceparent, two.worker_id) == ("t", "y", one.worker_id)
    assert (called.invocation_id, called.caller, one.invocation_id) == ("mine", "caller", "")
    assert (again.invocation_id, again.caller) == ("mine", "caller")
    assert all(before <= run.started_at.timestamp() <= time.time() for run in (one, two, again))
    # By its id too, which each database stores in a form of its own.
    found = Invocation.objects.filter(pk__in=[one.pk, two.pk, again.pk], replay_of=None)
    assert await engine.database.run(found.count) == 3
    assert (str(delivered.delivery_id), delivered.attempt) == (DELIVERY, 2)
    assert one.duration_ms is not None and 0 <= one.duration_ms < 10_000
    assert {run.node_id for run in (one, two, called, again, delivered)} == {engine.node.node_id}


def counted(engine: Engine) -> int:
    tallies = {(type_id, name): tally for type_id, name, tally in engine.history.counts.tallies()}
    return sum(tallies["t", "succeeded"].durations)


async def test_they_count_like_others(engine: Engine, many: Connect) -> None:
    worker = await many("f", "secret")
    with override_settings(III_HISTORY_EXCLUDE=["secret", "engine::*"]):
        for function_id in ("f", "secret", "f"):
            await run_on(
                engine,
                worker,
                Call(function_id=function_id, cause=Cause(trigger_type="t")),
                result=1,
            )
        runs = await rows(engine)
    assert [run.function_id for run in runs] == ["f", "f"]
    assert counted(engine) == 3
    # A row for each duration, and for each minute.
    counts = TypeStat.objects.values_list("count", flat=True)
    assert sum(await engine.database.run(lambda: list(counts))) == 2


async def test_so_many_do_not_wait_for_the_next_batch(
    engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "PLAIN_AT_ONCE", 2)
    worker = await many("f")
    for waiting in (1, 0, 1):
        await run_on(engine, worker, Call(function_id="f"), result=1)
        assert engine.history._plain.count == waiting
    assert engine.history.waiting == 3


async def test_so_many_kinds_do_not_wait_for_the_next_batch(
    engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "KINDS_AT_ONCE", 2)
    worker = await many("f", "g")
    for function_id, waiting in (("f", 1), ("f", 2), ("g", 0)):
        await run_on(engine, worker, Call(function_id=function_id), result=1)
        assert engine.history._plain.count == waiting


async def test_one_that_cannot_be_noted_takes_no_other_with_it(
    engine: Engine,
    many: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = await many("good", "bad")
    for function_id in ("good", "bad", "good"):
        await run_on(engine, worker, Call(function_id=function_id), result=1)
    made = plain_runs.make_entry

    def make(facts: Any, *args: Any, **options: Any) -> Any:
        if facts.function_id == "bad":
            raise RuntimeError
        return made(facts, *args, **options)

    monkeypatch.setattr(plain_runs, "make_entry", make)
    assert [run.function_id for run in await rows(engine)] == ["good", "good"]
    assert "bad could not be noted" in caplog.text


async def test_more_than_can_wait_are_only_counted(engine: Engine, many: Connect) -> None:
    worker = await many("f")
    with override_settings(III_HISTORY_MAX_PENDING=1):
        for _ in range(3):
            await run_on(
                engine, worker, Call(function_id="f", cause=Cause(trigger_type="t")), result=1
            )
        assert counted(engine) == 3
    assert (engine.history.dropped, len(await rows(engine))) == (2, 1)


async def test_a_batch_holds_whole_entries(
    engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "BATCH", 3)
    monkeypatch.setattr(recorder, "PLAIN_AT_ONCE", 2)
    batches: list[int] = []

    def write(batch: Any, numbers: Any) -> None:
        batches.append(sum(entry.count for entry in batch))
        writing.write(batch, numbers)

    monkeypatch.setattr(recorder, "write", write)
    worker = await many("f")
    for _ in range(7):
        await run_on(engine, worker, Call(function_id="f"), result=1)
    assert len(await rows(engine)) == 7
    assert batches == [2, 2, 3]
    assert engine.history.waiting == 0


async def test_what_could_not_be_written_waits_on(
    engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await many("f")
    for _ in range(3):
        await run_on(engine, worker, Call(function_id="f"), result=1)
    await fail_to_flush(engine, monkeypatch, away)
    assert engine.history.waiting == 3
    assert len(await rows(engine)) == 3


async def test_what_was_written_already_is_not_written_twice(
    engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await many("f")
    for _ in range(2):
        await run_on(engine, worker, Call(function_id="f"), result=1)

    def write_and_lose(batch: Any, numbers: Any) -> None:
        writing.write(batch, numbers)
        raise OperationalError("The answer to the commit was lost.")

    await fail_to_flush(engine, monkeypatch, write_and_lose)
    assert len(await rows(engine)) == 2
    counts = TypeStat.objects.values_list("count", flat=True)
    if connection.vendor == "postgresql":  # others are in this process, and lose no answer
        assert sum(await engine.database.run(lambda: list(counts))) == 2


async def test_one_the_database_refuses_takes_no_other_with_it(
    engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await many("f")
    for result in (1, 2, 3):
        await run_on(engine, worker, Call(function_id="f", traceparent=f"t{result}"), result=1)
    write_all = writing._write_all

    def refuse(entries: Any, numbers: Any) -> None:
        if any(b"t2" in entry.run for entry in entries):
            raise DataError
        write_all(entries, numbers)

    monkeypatch.setattr(writing, "_write_all", refuse)
    assert [run.traceparent for run in await rows(engine)] == ["t1", "t3"]
