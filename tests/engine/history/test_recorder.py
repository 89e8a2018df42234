"""The recorder: every run becomes a row, behind the back of who waits for it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DataError, connection
from django.test import override_settings

from iii_triggers.engine.calls import Call
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.core import Engine
from iii_triggers.engine.history import allowance, recorder, writing
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Invocation, InvocationPayload, Node, TriggerStat, TypeStat
from iii_triggers.protocol.errors import FunctionNotFound, InvocationFailed
from tests.support.site import declare

from .recording import (
    DELIVERY,
    Connect,
    away,
    fail_to_flush,
    payload_of,
    recording,
    rows,
    run_on,
)

__all__ = ["recording"]


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
    await fail_to_flush(engine, monkeypatch, away)
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
