"""The recorder: every run becomes a row, behind the back of who waits for it."""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection
from django.test import override_settings

from iii_triggers.engine.calls import Call
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.core import Engine
from iii_triggers.engine.history import allowance, entries, plain_runs, recorder, writing
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Invocation, InvocationPayload, Node, TriggerStat, TypeStat
from iii_triggers.protocol.errors import FunctionNotFound, InvocationFailed
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
DELIVERY = "01a218aa-896e-782f-afaa-3faa2d000001"


@pytest.fixture(autouse=True)
def recording() -> Iterator[None]:
    with override_settings(III_HISTORY="all"):
        yield


async def rows(engine: Engine) -> list[Invocation]:
    await engine.history.flush()
    return await engine.database.run(lambda: list(Invocation.objects.order_by("id")))


async def payload_of(engine: Engine, run: Invocation) -> InvocationPayload:
    return await engine.database.run(lambda: InvocationPayload.objects.get(pk=run.pk))


async def run_on(engine: Engine, worker: FakeWorker, call: Call, **answer: Any) -> None:
    engine.invoker.start(call, lambda outcome: None)
    await worker.answer(worker.invocations[-1], **answer)


async def test_a_run_on_a_worker_has_a_row(engine: Engine, connect: Connect) -> None:
    worker = await connect("add", name="adder")
    cause = Cause(trigger_type="queue", trigger_id="t1", delivery_id=DELIVERY, attempt=2)
    call = Call(function_id="add", data=Payload.of([1, 2]), cause=cause, traceparent="00-a-b-01")
    before = time.time()
    await run_on(engine, worker, call, result={"sum": 3})
    [run] = await rows(engine)
    assert (run.status, run.function_id, run.namespace) == ("succeeded", "add", "default")
    assert (run.trigger_type, run.trigger_id, run.attempt) == ("queue", "t1", 2)
    assert run.delivery_id == uuid.UUID(DELIVERY)
    assert (run.worker_id, run.worker_name) == (worker.connection.worker_id, "adder")
    assert (run.node_id, run.traceparent) == (engine.node.node_id, "00-a-b-01")
    assert (run.caller, run.error_code, run.error, run.invocation_id) == ("", "", "", "")
    assert before - 0.01 <= run.started_at.timestamp() <= time.time()
    assert run.duration_ms is not None and 0 <= run.duration_ms < 10_000
    assert str(run.pk) == worker.invocations[-1]["invocation_id"]
    payload = await payload_of(engine, run)
    assert (json.loads(payload.input), json.loads(payload.output)) == ([1, 2], {"sum": 3})
    assert not (payload.input_cut or payload.output_cut or payload.redacted or payload.stacktrace)


async def test_a_failure_has_its_code_message_and_stack(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    error = {"code": "E1", "message": "no", "stacktrace": "at f"}
    await run_on(engine, worker, Call(function_id="f"), error=error)
    [run] = await rows(engine)
    assert (run.status, run.error_code, run.error) == ("failed", "E1", "no")
    assert (await payload_of(engine, run)).stacktrace == "at f"


async def test_a_function_that_is_not_there_is_a_failed_run(engine: Engine) -> None:
    with pytest.raises(FunctionNotFound):
        await engine.invoker.invoke(Call(function_id="nobody"))
    [run] = await rows(engine)
    assert (run.status, run.error_code) == ("failed", "function_not_found")


async def test_a_delivery_whose_function_is_away_has_not_run(engine: Engine) -> None:
    call = Call(function_id="nobody", cause=Cause(delivery_id=DELIVERY))
    with pytest.raises(FunctionNotFound):
        await engine.invoker.invoke(call)
    assert await rows(engine) == []


async def test_a_run_that_cannot_be_noted_ends_all_the_same(
    engine: Engine,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = await connect("f")
    outcomes: list[Any] = []
    engine.invoker.start(Call(function_id="f"), outcomes.append)
    with monkeypatch.context() as patch:
        patch.setattr(recorder, "make_entry", None)
        await worker.answer(worker.invocations[-1], result=1)
    assert outcomes[0].value() == 1
    assert "could not be noted" in caplog.text


@pytest.mark.parametrize(
    "text", ["a\\b", "a\tb", "a\nb", "a\rb", "\\N", "\\.", "\udc80", "\0", "\1"]
)
async def test_every_character_of_an_error_is_kept(
    engine: Engine, connect: Connect, text: str
) -> None:
    worker = await connect("f")
    data = Payload.of({"text": text.encode(errors="replace").decode()})
    engine.invoker.start(Call(function_id="f", data=data), lambda outcome: None)
    engine.invoker.finish(next(iter(engine.invoker.pending)), InvocationFailed(text))
    del worker
    [run] = await rows(engine)
    assert run.error == text.replace("\0", "").replace("\udc80", "\\udc80")
    payload = await payload_of(engine, run)
    assert json.loads(payload.input) == data.value()


async def test_the_id_that_a_worker_chose_is_kept_beside_ours(
    connect: Connect, engine: Engine
) -> None:
    caller, executor = await connect(name="caller"), await connect("f")
    for _ in range(2):
        await caller.start_call("f", {"x": 1}, invocation_id="mine")
        await executor.answer(executor.invocations[-1], result=1)
    one, two = await rows(engine)
    assert one.pk != two.pk
    assert (one.invocation_id, two.invocation_id, one.caller) == ("mine", "mine", "caller")


async def test_what_a_function_does_to_its_input_is_not_in_the_history(engine: Engine) -> None:
    async def spoil(data: Any) -> Any:
        data["x"] = "spoilt"
        return data

    engine.functions.add_local(declare(engine.site, "spoil", spoil))
    await engine.invoker.invoke(Call(function_id="spoil", data=Payload.of({"x": 1})))
    [run] = await rows(engine)
    assert json.loads((await payload_of(engine, run)).input) == {"x": 1}


async def test_what_a_function_did_to_its_input_before_it_failed_is_not_there_either(
    engine: Engine,
) -> None:
    async def spoil(data: Any) -> Any:
        data["x"] = "spoilt"
        raise ValueError

    engine.functions.add_local(declare(engine.site, "spoil", spoil))
    with override_settings(III_HISTORY_PAYLOADS_PER_S=0), pytest.raises(InvocationFailed):
        await engine.invoker.invoke(Call(function_id="spoil", data=Payload.of({"x": 1})))
    [run] = await rows(engine)
    assert json.loads((await payload_of(engine, run)).input) == {"x": 1}


@pytest.mark.parametrize("text", ["\0", "a\0b", "äöü€", "'; DROP TABLE x; --", "%s {} $1"])
async def test_every_text_can_be_written(engine: Engine, text: str) -> None:
    cause = Cause(trigger_type=text, trigger_id=text)
    call = Call(function_id=text, namespace=text * 300, traceparent=text, cause=cause)
    with pytest.raises(FunctionNotFound):
        await engine.invoker.invoke(call)
    [run] = await rows(engine)
    assert run.function_id == text.replace("\0", "")


async def test_long_payloads_are_cut(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    data = Payload.of("ä" * 100)
    with override_settings(III_HISTORY_PAYLOAD_BYTES=10):
        await run_on(engine, worker, Call(function_id="f", data=data), result="short")
        [run] = await rows(engine)
    payload = await payload_of(engine, run)
    assert (payload.input, payload.input_cut) == ('"' + "ä" * 4, True)
    assert (payload.output, payload.output_cut) == ('"short"', False)


async def test_of_many_runs_in_a_second_only_some_keep_their_payload(
    engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await connect("f")
    clock = SimpleNamespace(monotonic=lambda: 7.5)
    monkeypatch.setattr(allowance, "time", clock)
    error = {"code": "E", "message": "m", "stacktrace": "at f"}
    with override_settings(III_HISTORY_PAYLOADS_PER_S=1):
        for answer in ({"result": 1}, {"result": 2}, {"error": error}):
            await run_on(engine, worker, Call(function_id="f", data=Payload.of("x")), **answer)
        clock.monotonic = lambda: 8.0
        await run_on(engine, worker, Call(function_id="f", data=Payload.of("x")), result=4)
        runs = await rows(engine)
    kept = await engine.database.run(lambda: InvocationPayload.objects.in_bulk())
    assert [run.pk in kept for run in runs] == [True, False, True, True]
    assert kept[runs[2].pk].stacktrace == "at f"


class TestRunsThatAreNotedTogether:
    """Over III_HISTORY_PAYLOADS_PER_S, runs that succeed wait for others to be noted with."""

    @pytest.fixture(autouse=True)
    def two_are_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(plain_runs, "WORTH_IT", 2)

    @pytest.fixture
    def many(self, engine: Engine, connect: Connect) -> Connect:
        """Connect a worker, after which payloads are used up for good."""

        async def connected(*functions: str, **fields: Any) -> FakeWorker:
            worker = await connect(*functions, **fields)
            await engine.history.flush()
            engine.history._payloads.used_up_until = math.inf
            return worker

        return connected

    async def test_their_rows_are_those_of_others(
        self, engine: Engine, connect: Connect, many: Connect
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
        assert {run.node_id for run in (one, two, called, again, delivered)} == {
            engine.node.node_id
        }

    def counted(self, engine: Engine) -> int:
        tallies = {
            (type_id, name): tally for type_id, name, tally in engine.history.counts.tallies()
        }
        return sum(tallies["t", "succeeded"].durations)

    async def test_they_count_like_others(self, engine: Engine, many: Connect) -> None:
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
        assert self.counted(engine) == 3
        # A row for each duration, and for each minute.
        counts = TypeStat.objects.values_list("count", flat=True)
        assert sum(await engine.database.run(lambda: list(counts))) == 2

    async def test_so_many_do_not_wait_for_the_next_batch(
        self, engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recorder, "PLAIN_AT_ONCE", 2)
        worker = await many("f")
        for waiting in (1, 0, 1):
            await run_on(engine, worker, Call(function_id="f"), result=1)
            assert engine.history._plain.count == waiting
        assert engine.history.waiting == 3

    async def test_so_many_kinds_do_not_wait_for_the_next_batch(
        self, engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recorder, "KINDS_AT_ONCE", 2)
        worker = await many("f", "g")
        for function_id, waiting in (("f", 1), ("f", 2), ("g", 0)):
            await run_on(engine, worker, Call(function_id=function_id), result=1)
            assert engine.history._plain.count == waiting

    async def test_one_that_cannot_be_noted_takes_no_other_with_it(
        self,
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

    async def test_more_than_can_wait_are_only_counted(self, engine: Engine, many: Connect) -> None:
        worker = await many("f")
        with override_settings(III_HISTORY_MAX_PENDING=1):
            for _ in range(3):
                await run_on(
                    engine, worker, Call(function_id="f", cause=Cause(trigger_type="t")), result=1
                )
            assert self.counted(engine) == 3
        assert (engine.history.dropped, len(await rows(engine))) == (2, 1)

    async def test_a_batch_holds_whole_entries(
        self, engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
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
        self, engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        worker = await many("f")
        for _ in range(3):
            await run_on(engine, worker, Call(function_id="f"), result=1)

        def fail(*_args: Any) -> None:
            raise OperationalError

        with monkeypatch.context() as patch:
            patch.setattr(recorder, "write", fail)
            with pytest.raises(OperationalError):
                await engine.history.flush()
        assert engine.history.waiting == 3
        assert len(await rows(engine)) == 3

    async def test_what_was_written_already_is_not_written_twice(
        self, engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        worker = await many("f")
        for _ in range(2):
            await run_on(engine, worker, Call(function_id="f"), result=1)

        def write_and_lose(batch: Any, numbers: Any) -> None:
            writing.write(batch, numbers)
            raise OperationalError("The answer to the commit was lost.")

        with monkeypatch.context() as patch:
            patch.setattr(recorder, "write", write_and_lose)
            with pytest.raises(OperationalError):
                await engine.history.flush()
        assert len(await rows(engine)) == 2
        counts = TypeStat.objects.values_list("count", flat=True)
        if connection.vendor == "postgresql":  # others are in this process, and lose no answer
            assert sum(await engine.database.run(lambda: list(counts))) == 2

    async def test_one_the_database_refuses_takes_no_other_with_it(
        self, engine: Engine, many: Connect, monkeypatch: pytest.MonkeyPatch
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


async def test_secrets_are_not_kept(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    data = Payload.of({"password": "hunter2", "name": "Ada"})
    await run_on(engine, worker, Call(function_id="f", data=data), result={"Token": "abc"})
    [run] = await rows(engine)
    payload = await payload_of(engine, run)
    assert payload.redacted
    assert "hunter2" not in payload.input and "abc" not in payload.output
    assert json.loads(payload.input)["name"] == "Ada"


async def test_a_run_that_takes_long_has_a_row_before_it_ends(
    engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await connect("slow")
    monkeypatch.setattr(recorder, "SHOWN_AFTER_S", 0)
    engine.invoker.start(Call(function_id="slow"), lambda outcome: None)
    engine.history.show_slow(engine.invoker.pending)
    [run] = await rows(engine)
    assert (run.status, run.duration_ms) == ("running", None)
    await worker.answer(worker.invocations[-1], result=1)
    [done] = await rows(engine)
    assert (done.pk, done.status) == (run.pk, "succeeded")


async def test_numbers_add_up_over_batches(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    cause = Cause(trigger_type="http", trigger_id="t")
    for answer in ({"result": 1}, {"result": 2}, {"error": {"code": "E", "message": "m"}}):
        await run_on(engine, worker, Call(function_id="f", cause=cause), **answer)
        await engine.history.flush()

    def read() -> tuple[list[Any], list[Any]]:
        types = TypeStat.objects.order_by("failed").values_list("trigger_type", "failed", "count")
        triggers = TriggerStat.objects.values_list("trigger_id", "succeeded", "failed")
        return list(types), list(triggers)

    types, triggers = await engine.database.run(read)
    assert sum(count for _, failed, count in types if not failed) == 2
    assert sum(count for _, failed, count in types if failed) == 1
    assert sum(succeeded for _, succeeded, _ in triggers) == 2
    assert sum(failed for _, _, failed in triggers) == 1


@pytest.mark.parametrize(
    ("kept", "expected"), [("all", ["failed", "succeeded"]), ("failures", ["failed"]), ("off", [])]
)
async def test_the_site_says_which_runs_are_kept(
    engine: Engine, connect: Connect, kept: str, expected: list[str]
) -> None:
    worker = await connect("f")
    with override_settings(III_HISTORY=kept):
        await run_on(engine, worker, Call(function_id="f"), result=1)
        await run_on(engine, worker, Call(function_id="f"), error={"code": "E", "message": "m"})
        assert sorted(run.status for run in await rows(engine)) == expected


async def test_excluded_functions_are_not_kept(engine: Engine, connect: Connect) -> None:
    worker = await connect("noisy::tick", "calm")
    with override_settings(III_HISTORY_EXCLUDE=["noisy::*"]):
        await run_on(engine, worker, Call(function_id="noisy::tick"), result=1)
        await run_on(engine, worker, Call(function_id="calm"), result=1)
        assert [run.function_id for run in await rows(engine)] == ["calm"]


async def test_what_is_too_much_is_counted_and_not_kept(
    engine: Engine, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await connect("f")
    with override_settings(III_HISTORY_MAX_PENDING=1):
        for _ in range(3):
            await run_on(engine, worker, Call(function_id="f"), result=1)
        assert len(await rows(engine)) == 1
    assert engine.history.dropped == 2
    assert caplog.text.count("only counted") == 1
    counts = await engine.database.run(lambda: list(TypeStat.objects.values_list("count")))
    assert sum(count for (count,) in counts) == 3
    await engine._beat()
    node = await engine.database.run(Node.objects.get)
    assert node.runs_dropped == 2, "other processes are to know it"


async def test_what_could_not_be_written_is_written_later(
    engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await connect("f")
    await run_on(engine, worker, Call(function_id="f"), result=1)

    def fail(*_args: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(recorder, "write", fail)
        with pytest.raises(OperationalError):
            await engine.history.flush()
    assert len(await rows(engine)) == 1


async def test_a_row_the_database_refuses_does_not_take_others_with_it(
    engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await connect("bad", "good")
    for function_id in ("bad", "good"):
        await run_on(engine, worker, Call(function_id=function_id), result=1)
    write_runs = writing._write_runs

    def refuse(connection: Any, how: Any, entries: list[Any]) -> None:
        if any(entry.function_id == "bad" for entry in entries):
            raise DataError
        write_runs(connection, how, entries)

    monkeypatch.setattr(writing, "_write_runs", refuse)
    assert [run.function_id for run in await rows(engine)] == ["good"]


async def test_a_caller_that_goes_leaves_a_failed_run(engine: Engine, connect: Connect) -> None:
    caller, _executor = await connect(), await connect("f")
    await caller.start_call("f", {}, invocation_id="i1")
    await engine.disconnect(caller.connection)
    [run] = await rows(engine)
    assert (run.status, run.error_code) == ("failed", "invocation_stopped")


async def test_stopping_writes_what_waits(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    await run_on(engine, worker, Call(function_id="f"), result=1)
    await asyncio.wait_for(engine.stop(), 10)
    # The threads of the engine are gone, so another one reads.
    assert await asyncio.to_thread(_count_and_close) == 1


def _count_and_close() -> int:
    try:
        return Invocation.objects.count()
    finally:
        connection.close()


async def test_who_gives_up_waiting_has_nothing_written_twice(
    engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await connect("f")
    await run_on(engine, worker, Call(function_id="f"), result=1)
    begun, go_on = threading.Event(), threading.Event()

    def write_slowly(*batch: Any) -> None:
        begun.set()
        go_on.wait(10)
        writing.write(*batch)

    monkeypatch.setattr(recorder, "write", write_slowly)
    flushing = asyncio.create_task(engine.history.flush())
    await asyncio.to_thread(begun.wait, 10)
    flushing.cancel()
    await asyncio.wait({flushing})
    go_on.set()
    assert len(await rows(engine)) == 1
    counts = await engine.database.run(lambda: list(TypeStat.objects.values_list("count")))
    assert counts == [(1,)]
