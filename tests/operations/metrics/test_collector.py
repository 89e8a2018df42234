"""What a process keeps, as metrics."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection

import pytest
from django.db import OperationalError
from django.test import override_settings
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import Metric

from iii_triggers.engine.calls import Call
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.core import Engine
from iii_triggers.engine.history.buckets import bucket_of
from iii_triggers.engine.history.counts import MAX_TYPES, OTHER
from iii_triggers.operations.metrics import collector
from iii_triggers.operations.metrics.collector import EngineCollector
from iii_triggers.operations.metrics.shared import SharedReader
from iii_triggers.protocol.errors import InvocationFailed, WrongThread
from tests.support.workers import FakeWorker

from .reading import parsed, values

Connect = Callable[..., Awaitable[FakeWorker]]


async def gather() -> list[Metric]:
    return await EngineCollector().gather()


def run(engine: Engine, type_id: str = "http") -> None:
    cause = Cause(trigger_type=type_id, trigger_id="1")
    engine.invoker.start(Call(function_id="f", cause=cause), lambda outcome: None)


async def test_runs_are_counted_and_timed(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    for answer in ({"result": 1}, {"result": 1}, {"error": {"code": "E", "message": "m"}}):
        run(engine)
        await worker.answer(worker.invocations[-1], **answer)
    metrics = await gather()
    ended = values(metrics, "iii_invocations_total")
    assert (ended["succeeded", "http"], ended["failed", "http"]) == (2, 1)
    assert values(metrics, "iii_invocation_duration_seconds_count")["http",] == 3
    buckets = values(metrics, "iii_invocation_duration_seconds_bucket")
    assert buckets["+Inf", "http"] == 3
    assert buckets["52.4288", "http"] == 3
    assert values(metrics, "iii_invocation_duration_seconds_sum")["http",] > 0


async def test_a_run_stands_in_the_bucket_of_its_duration(engine: Engine) -> None:
    call = Call(function_id="f")
    engine.history.counts.add(call, InvocationFailed, duration_ms=7.0, bucket=bucket_of(7.0))
    buckets = values(await gather(), "iii_invocation_duration_seconds_bucket")
    edges = [float(le) for (le, type_id), count in buckets.items() if type_id == "call" and count]
    assert min(edges) == 0.0128
    assert list(buckets.values()) == sorted(buckets.values())


async def test_what_is_there_now_is_counted(engine: Engine, connect: Connect) -> None:
    worker = await connect("f", "g")
    await connect("g")
    await worker.bind("t1", "subscribe", config={"topic": "a"})
    await worker.bind("t2", "unknown")
    run(engine)
    metrics = await gather()
    assert values(metrics, "iii_invocations_in_flight") == {(): 1}
    assert values(metrics, "iii_workers_connected") == {(): 2}
    functions = values(metrics, "iii_functions")
    assert (functions["worker",], functions["site",]) == (2, 0)
    assert functions["builtin",] > 10
    triggers = values(metrics, "iii_triggers")
    assert (triggers["active", "subscribe"], triggers["parked", "unknown"]) == (1, 1)
    assert values(metrics, "iii_history_dropped_total") == {(): 0}
    assert values(metrics, "iii_broadcasts_missed_total") == {(): 0}
    [(kind, node_id, *_)] = values(metrics, "iii_build_info")
    assert (kind, node_id) == (engine.node.kind, engine.node.node_id)


async def test_so_many_trigger_types_have_a_series(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    for number in range(MAX_TYPES + 20):
        await worker.bind(f"t{number}", f"type-{number}")
    triggers = values(await gather(), "iii_triggers")
    assert len(triggers) == MAX_TYPES + 1
    assert triggers["parked", OTHER] == 20


async def test_functions_have_numbers_when_the_site_says_so(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect("f")
    with override_settings(III_METRICS_FUNCTIONS=1):
        run(engine)
        await worker.answer(worker.invocations[-1], result=1)
    counted = values(await gather(), "iii_function_invocations_total")
    assert counted == {("f", "default", "succeeded"): 1}


async def test_without_the_database_the_process_still_tells(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(reader: SharedReader) -> None:
        raise OperationalError("away")

    assert values(await gather(), "iii_database_up") == {(): 1}
    monkeypatch.setattr(SharedReader, "read", fail)
    metrics = await gather()
    assert values(metrics, "iii_database_up") == {(): 0}
    assert values(metrics, "iii_deliveries") == {}
    assert values(metrics, "iii_workers_connected") == {(): 0}


async def test_a_database_that_does_not_answer_is_not_waited_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(SharedReader, "read", lambda reader: answers.wait(10))
    monkeypatch.setattr(collector, "DATABASE_S", 0.01)
    assert values(await gather(), "iii_database_up") == {(): 0}
    answers.set()


async def test_a_registry_of_the_site_takes_the_collector(engine: Engine) -> None:
    registry = CollectorRegistry(auto_describe=True)
    registry.register(EngineCollector())
    page = await asyncio.to_thread(generate_latest, registry)
    assert values(parsed(page.decode()), "iii_workers_connected") == {(): 0}


async def test_a_process_without_http_has_a_port_for_prometheus(engine: Engine) -> None:
    registry = CollectorRegistry()
    registry.register(EngineCollector())
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)

    def scrape() -> str:
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    page = await asyncio.to_thread(scrape)
    server.shutdown()
    server.server_close()
    thread.join(10)
    assert values(parsed(page), "iii_workers_connected") == {(): 0}


async def test_collecting_on_the_loop_of_the_engine_says_what_is_wrong(engine: Engine) -> None:
    with pytest.raises(WrongThread):
        EngineCollector().collect()


async def test_a_page_has_the_process_too_and_nothing_of_the_global_registry(
    engine: Engine,
) -> None:
    text, content_type = await collector.page("")
    names = {metric.name for metric in parsed(text.decode())}
    assert {"iii_invocations", "process_resident_memory_bytes"} <= names
    assert content_type.startswith("text/plain")


async def test_a_format_that_is_none_is_answered_with_text(engine: Engine) -> None:
    _text, content_type = await collector.page("application/openmetrics-text;version=x1.")
    assert content_type.startswith("text/plain")
