"""Spans of invocations: names, kinds, attributes, parents, and what goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, StatusCode

from iii_triggers import ainvoke, current_invocation
from iii_triggers.engine.core import Engine
from iii_triggers.engine.firing import fire
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import IiiError
from tests.support.http_target import HttpTarget
from tests.support.site import declare
from tests.support.spans import Kept, is_child, out_of
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE_ID}-{SPAN_ID}-01", f"00-{TRACE_ID}-{SPAN_ID}-00"


def offer(engine: Engine, function_id: str, handler: Callable[[Any], Any]) -> None:
    engine.functions.add_local(declare(engine.site, function_id, handler))


async def test_a_call_of_a_worker_is_a_child_of_what_it_sent(kept: Kept, connect: Connect) -> None:
    worker, caller = await connect("f", name="shop"), await connect()
    await caller.start_call("f", 1, invocation_id="i1", traceparent=SAMPLED)
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, result=2)
    await caller.transport.receive("invocationresult")
    span = kept.one("f")
    assert span.kind == SpanKind.CLIENT
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE_ID, SPAN_ID)
    assert span.parent.is_remote
    assert invocation["traceparent"] == out_of(span) != SAMPLED
    assert span.attributes == {
        "faas.invoked_name": "f",
        "iii.invocation.id": invocation["invocation_id"],
        "iii.namespace": "default",
        "iii.worker.id": worker.id,
        "iii.worker.name": "shop",
    }
    assert span.status.status_code == StatusCode.UNSET


@pytest.mark.parametrize("traceparent", [None, "00-aa", "x" * 300])
async def test_a_call_without_a_trace_begins_one(
    kept: Kept, connect: Connect, traceparent: str | None
) -> None:
    worker, caller = await connect("f"), await connect()
    sent = {} if traceparent is None else {"traceparent": traceparent}
    await caller.start_call("f", 1, invocation_id="i1", **sent)
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, result=2)
    await caller.transport.receive("invocationresult")
    assert kept.one("f").parent is None
    assert invocation["traceparent"] == out_of(kept.one("f"))


async def test_a_failure_is_an_error_with_its_code_and_without_secrets(
    kept: Kept, connect: Connect
) -> None:
    worker, caller = await connect("f"), await connect()
    await caller.start_call("f", 1, invocation_id="i1")
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, error={"code": "no_stock", "message": "no password=hunter2"})
    await caller.transport.receive("invocationresult")
    span = kept.one("f")
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "no_stock")
    assert span.attributes is not None
    assert span.attributes["error.type"] == "no_stock"
    [event] = span.events
    assert event.attributes == {
        "exception.type": "no_stock",
        "exception.message": "no password=[redacted]",
    }


async def test_a_worker_that_goes_ends_the_spans_of_what_it_ran(
    kept: Kept, connect: Connect, engine: Engine
) -> None:
    worker = await connect("f")
    calling = asyncio.ensure_future(ainvoke("f"))
    await worker.transport.receive("invokefunction")
    await engine.disconnect(worker.connection)
    with pytest.raises(IiiError):
        await calling
    assert kept.one("f").status.description == "invocation_stopped"


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_function_of_the_site_runs_in_its_span(
    kept: Kept, engine: Engine, is_async: bool
) -> None:
    heard: list[Any] = []

    def plain(data: Any) -> None:
        invocation = current_invocation()
        assert invocation is not None
        heard.append((trace.get_current_span().get_span_context(), invocation.traceparent))
        with kept.tracer.start_as_current_span("query"):
            pass

    async def on_loop(data: Any) -> None:
        plain(data)

    offer(engine, "f", on_loop if is_async else plain)
    with kept.tracer.start_as_current_span("view"):
        await ainvoke("f")
    span = kept.one("f")
    assert span.kind == SpanKind.INTERNAL
    assert heard == [(span.get_span_context(), out_of(span))]
    assert is_child(span, kept.one("view"))
    assert is_child(kept.one("query"), span)


async def test_what_a_function_calls_is_a_child_of_the_span_that_is_current_there(
    kept: Kept, engine: Engine
) -> None:
    async def outer(data: Any) -> None:
        with kept.tracer.start_as_current_span("step"):
            await ainvoke("inner")

    offer(engine, "outer", outer)
    offer(engine, "inner", lambda data: 1)
    await ainvoke("outer")
    assert is_child(kept.one("inner"), kept.one("step"))
    assert is_child(kept.one("step"), kept.one("outer"))


async def test_what_has_an_unsampled_parent_stays_unsampled(kept: Kept, connect: Connect) -> None:
    worker, caller = await connect("f"), await connect()
    await caller.start_call("f", 1, invocation_id="i1", traceparent=UNSAMPLED)
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, error={"code": "c", "message": "m"})
    await caller.transport.receive("invocationresult")
    assert invocation["traceparent"].startswith(f"00-{TRACE_ID}-")
    assert invocation["traceparent"].endswith("-00")
    assert kept.spans == []


async def test_what_the_sampler_drops_goes_out_unsampled(
    kept: Kept, engine: Engine, connect: Connect
) -> None:
    kept.provider.sampler = ParentBased(ALWAYS_OFF)
    assert engine.invoker.tracer is not None
    engine.invoker.tracer.tracer = kept.tracer
    worker = await connect("f")
    calling = asyncio.ensure_future(ainvoke("f"))
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, result=1)
    await calling
    assert int(invocation["traceparent"][-2:], 16) & trace.TraceFlags.SAMPLED == 0
    assert kept.spans == []


async def test_functions_of_the_engine_have_no_span_and_keep_the_trace(
    kept: Kept, connect: Connect
) -> None:
    caller = await connect()
    with kept.tracer.start_as_current_span("socket"):
        # As with an instrumented server: the span of the socket runs as long as the socket lives.
        await caller.call("engine::log::info", {"message": "m"}, traceparent=SAMPLED)
    found = await caller.call("engine::logs::list", {"trace_id": TRACE_ID})
    assert [log["body"] for log in found["result"]["logs"]] == ["m"]
    assert [span.name for span in kept.spans] == ["socket"]


async def test_functions_behind_urls_get_the_span(
    kept: Kept, connect: Connect, target: HttpTarget
) -> None:
    worker = await connect()
    await worker.send("registerfunction", id="f", invocation={"url": target.url})
    await ainvoke("f")
    assert target.requests[0].headers["traceparent"] == out_of(kept.one("f"))
    assert kept.one("f").kind == SpanKind.CLIENT


async def test_an_event_is_a_consumer_and_goes_on_with_the_trace_it_was_caused_in(
    kept: Kept, engine: Engine
) -> None:
    done = asyncio.Event()

    async def f(data: Any) -> None:
        done.set()

    offer(engine, "f", f)
    trigger = Trigger(id="t", trigger_type="state", function_id="f", source="admin")
    with kept.tracer.start_as_current_span("view"):
        fire(engine.invoker, [trigger], {})
    await done.wait()
    await engine.invoker.wait_idle(5)
    span = kept.one("f")
    assert span.kind == SpanKind.CONSUMER
    assert is_child(span, kept.one("view"))
    assert span.attributes is not None
    assert span.attributes["faas.trigger"] == "datasource"
    assert span.attributes["iii.trigger.id"] == "t"


async def test_state_triggers_go_on_with_the_trace_of_the_change(
    kept: Kept, engine: Engine, connect: Connect
) -> None:
    worker = await connect("f")
    await worker.bind("t", "state", config={})
    change = {"scope": "s", "key": "k", "value": 1}
    await worker.start_call("state::set", change, invocation_id="i", traceparent=SAMPLED)
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, result=None)
    await engine.invoker.wait_idle(5)
    assert is_child(kept.one("f"), kept.one("state::set"))


async def test_a_broken_exporter_fails_no_call(
    kept: Kept, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(engine, "f", lambda data: 1)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("no disk")

    monkeypatch.setattr(kept.exporter, "export", fail)
    assert engine.invoker.tracer is not None
    assert await ainvoke("f") == 1
    monkeypatch.setattr(engine.invoker.tracer.tracer, "start_span", fail)
    assert await ainvoke("f") == 1
    assert engine.invoker.tracer.lost.total == 1
