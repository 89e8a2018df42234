"""``log`` triggers: what fires them, and what must not (trigger reference, section 8.1)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.engine.telemetry.firing_traces import is_firing, new_traceparent, trace_id_of
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.trigger_types import log as log_type
from iii_triggers.trigger_types.log import LogTriggerType
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


def received(worker: FakeWorker) -> list[str]:
    return [frame["data"]["body"] for frame in worker.invocations]


def otlp(**record: Any) -> bytes:
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    return b"LOGS" + json.dumps(logs).encode()


def type_of(engine: Engine) -> LogTriggerType:
    kind = engine.trigger_type("log")
    assert isinstance(kind, LogTriggerType)
    return kind


async def test_the_payload_is_the_one_of_the_reference(connect: Connect) -> None:
    worker, other = await connect("f"), await connect()
    await worker.bind("t", "log", metadata={"m": 1})
    data = {"message": "hello", "data": {"k": 1}, "trace_id": "abc", "service_name": "shop"}
    answer = await other.call("engine::log::warn", data)
    assert not answer.keys() & {"result", "error"}
    (frame,) = worker.invocations
    assert frame["metadata"] == {"m": 1}
    record = frame["data"]
    assert record.pop("timestamp_unix_nano") == record.pop("observed_timestamp_unix_nano") > 1e18
    assert record.pop("instrumentation_scope_version")
    assert record == {
        "severity_number": 13,
        "severity_text": "WARN",
        "body": "hello",
        "attributes": {"k": 1},
        "trace_id": "abc",
        "span_id": None,
        "resource": {},
        "service_name": "shop",
        "instrumentation_scope_name": "iii",
    }


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, ["trace", "debug", "info", "warn", "error"]),
        ({"level": "all", "severity_min": 0}, ["trace", "debug", "info", "warn", "error"]),
        ({"level": "warn"}, ["warn"]),
        ({"level": "ERROR"}, []),
        ({"severity_min": 13}, ["warn", "error"]),
        ({"level": "info", "severity_min": 13}, []),
    ],
)
async def test_the_level_is_matched_exactly(
    connect: Connect, config: Any, expected: list[str]
) -> None:
    worker, other = await connect("f"), await connect()
    await worker.bind("t", "log", config=config)
    for level in ("trace", "debug", "info", "warn", "error"):
        await other.call(f"engine::log::{level}", {"message": level, "data": [1]})
    assert received(worker) == expected


async def test_logs_of_otlp_fire(connect: Connect, engine: Engine) -> None:
    worker = await connect("f")
    await worker.bind("t", "log", config={"level": "error"})
    engine.telemetry.take(otlp(severityText="ERROR", severityNumber=17, body={"stringValue": "x"}))
    engine.telemetry.take(otlp(severityText="INFO", severityNumber=9, body={"stringValue": "y"}))
    assert received(worker) == ["x"]


async def test_what_is_logged_in_a_firing_fires_nothing(connect: Connect, engine: Engine) -> None:
    worker = await connect("f")
    await worker.bind("t", "log")
    await ainvoke("engine::log::info", {"message": "first"})
    (frame,) = worker.invocations
    trace = frame["traceparent"]
    await worker.start_call("engine::log::info", {"message": "by trace"}, traceparent=trace)
    trace_id = trace_id_of(trace)
    engine.telemetry.take(otlp(traceId=trace_id, body={"stringValue": "by OTLP"}))
    await worker.answer(frame, result=None)
    await worker.call("engine::log::info", {"message": "by input", "trace_id": trace_id})
    assert received(worker) == ["first"]
    assert len(engine.telemetry.logs) == 4
    await worker.call("engine::log::info", {"message": "later"})
    assert received(worker) == ["first", "later"]


async def test_a_worker_without_traces_fires_nothing_while_it_runs_a_firing(
    connect: Connect,
) -> None:
    worker, other = await connect("f"), await connect()
    await worker.bind("t", "log")
    await other.call("engine::log::info", {"message": "first"})
    await worker.call("engine::log::info", {"message": "in the firing"})
    await other.call("engine::log::info", {"message": "second"})
    for frame in list(worker.invocations):
        await worker.answer(frame, result=None)
    await worker.call("engine::log::info", {"message": "after it"})
    assert received(worker) == ["first", "second", "after it"]


async def test_a_function_of_the_site_that_logs_does_not_fire_itself(
    engine: Engine, connect: Connect
) -> None:
    heard: list[str] = []

    async def function(data: Any) -> None:
        heard.append(data["body"])
        await ainvoke("engine::log::info", {"message": "again"})

    engine.functions.add_local(declare(engine.site, "site", function))
    await engine.triggers.register(
        Trigger(id="t", trigger_type="log", function_id="site", source="code")
    )
    await ainvoke("engine::log::info", {"message": "once"})
    assert await engine.invoker.wait_idle(5)
    assert heard == ["once"]
    assert len(engine.telemetry.logs) == 2


async def test_a_flood_is_held_back_and_told_once(
    connect: Connect,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(log_type, "MAX_IN_FLIGHT", 3)
    worker = await connect("f")
    await worker.bind("t", "log")
    for number in range(50):
        engine.telemetry.take(otlp(body={"stringValue": str(number)}))
    assert received(worker) == ["0", "1", "2"]
    assert type_of(engine).dropped.total == 47
    assert caplog.text.count("firings of log triggers were dropped") == 1
    for frame in list(worker.invocations):
        await worker.answer(frame, result=None)
    engine.telemetry.take(otlp(body={"stringValue": "after"}))
    assert received(worker)[-1] == "after"


async def test_a_trigger_has_a_rate(
    connect: Connect, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_type, "RATE", 0.001)
    worker = await connect("f")
    await worker.bind("t", "log")
    engine.functions.withdraw("default", "f", worker.connection)
    for _ in range(log_type.BURST + 10):
        engine.telemetry.take(otlp(body={"stringValue": "x"}))
    assert type_of(engine).dropped.total == 10


async def test_one_that_fails_touches_no_other(connect: Connect) -> None:
    worker, other = await connect("f"), await connect()
    await worker.bind("t", "log", function_id="missing")
    await worker.bind("u", "log")
    await other.call("engine::log::info", {"message": "m"})
    assert received(worker) == ["m"]


async def test_a_trigger_that_ended_does_not_fire(connect: Connect) -> None:
    worker, other = await connect("f"), await connect()
    await worker.bind("t", "log")
    await worker.send("unregistertrigger", id="t", trigger_type="log")
    await other.call("engine::log::info", {"message": "m"})
    assert worker.invocations == []


def test_traces_of_firings_are_told_apart() -> None:
    trace_id = trace_id_of(new_traceparent())
    assert trace_id is not None and is_firing(trace_id) and is_firing(trace_id.upper())
    for other in (None, "", "x" * 32, "é" * 32, "0" * 32, trace_id[:-1] + "g", trace_id[::-1]):
        assert not is_firing(other)
    assert trace_id_of(None) is trace_id_of("x") is trace_id_of("00-ab-cd-01") is None
