"""Spans of HTTP requests and of deliveries, and how their traces go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from iii_triggers.delivery.api import aenqueue
from iii_triggers.delivery.create import NewDelivery, create_deliveries
from iii_triggers.delivery.execution import run_delivery
from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.models import Delivery
from tests.support.http import ask
from tests.support.ledger import Messages
from tests.support.site import declare
from tests.support.spans import Kept, is_child, out_of
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE_ID}-{SPAN_ID}-01"


async def serve(engine: Engine, handler: Callable[[Any], Any], **config: Any) -> None:
    engine.functions.add_local(declare(engine.site, "orders.show", handler))
    await engine.triggers.register(
        Trigger(
            id="t",
            trigger_type="http",
            function_id="orders.show",
            source="admin",
            config={"api_path": "orders/:id", **config},
        )
    )


async def test_a_request_is_a_server_span_around_the_invocation(kept: Kept, engine: Engine) -> None:
    await serve(engine, lambda data: data["id"])
    headers = {"traceparent": SAMPLED, "tracestate": "vendor=1"}
    answer = await ask("GET", "/orders/7?token=secret", headers=headers)
    assert answer.status == 200
    span, invocation = kept.one("GET /orders/:id"), kept.one("orders.show")
    assert span.kind == SpanKind.SERVER
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/orders/:id",
        "url.path": "/orders/7",
        "http.response.status_code": 200,
        "faas.trigger": "http",
        "iii.trigger.type": "http",
        "iii.trigger.id": "t",
    }
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == SPAN_ID
    assert span.get_span_context().trace_state.get("vendor") == "1"
    assert is_child(invocation, span)
    assert invocation.get_span_context().trace_state.get("vendor") == "1"


async def test_middleware_and_condition_are_part_of_it(kept: Kept, engine: Engine) -> None:
    for name in ("guard", "wanted"):
        engine.functions.add_local(declare(engine.site, name, lambda data: None))
    config = {"middleware_function_ids": ["guard"], "condition_function_id": "wanted"}
    await serve(engine, lambda data: 1, **config)
    await ask("GET", "/orders/7")
    for name in ("guard", "wanted", "orders.show"):
        assert is_child(kept.one(name), kept.one("GET /orders/:id"))


async def test_what_the_function_does_wrong_is_an_error_of_the_request(
    kept: Kept, engine: Engine
) -> None:
    def fail(data: Any) -> None:
        raise ValueError("no")

    await serve(engine, fail)
    answer = await ask("GET", "/orders/7")
    span, invocation = kept.one("GET /orders/:id"), kept.one("orders.show")
    assert (span.status.status_code, invocation.status.status_code) == (StatusCode.ERROR,) * 2
    assert span.attributes is not None
    assert invocation.attributes is not None
    assert span.attributes["error.type"] == "500"
    assert invocation.attributes["error.type"] == "invocation_failed"
    assert invocation.attributes["iii.invocation.id"] == answer.json()["error"]["error_id"]


async def test_what_the_client_does_wrong_is_none(kept: Kept, engine: Engine) -> None:
    await serve(engine, lambda data: 1, http_method="POST")
    headers = {"content-type": "application/json"}
    assert (await ask("POST", "/orders/7", headers=headers, body=b"{")).status == 400
    assert kept.one("POST /orders/:id").status.status_code == StatusCode.UNSET


async def test_in_a_span_of_the_site_a_request_is_part_of_that(kept: Kept, engine: Engine) -> None:
    await serve(engine, lambda data: 1)
    with kept.tracer.start_as_current_span("django"):
        await ask("GET", "/orders/7", headers={"traceparent": SAMPLED})
    span = kept.one("GET /orders/:id")
    assert span.kind == SpanKind.INTERNAL
    assert is_child(span, kept.one("django"))


async def test_a_span_does_not_outlive_its_request(kept: Kept, engine: Engine) -> None:
    await serve(engine, lambda data: 1)
    await ask("GET", "/orders/7")
    assert not trace.get_current_span().get_span_context().is_valid


async def test_a_message_is_processed_in_the_trace_of_who_published_it(
    kept: Kept, engine: Engine, messages: Messages, connect: Connect
) -> None:
    worker = await connect("f")
    await worker.bind("t", "queue", config={"topic": "orders"})
    await engine.write_registrations()
    with kept.tracer.start_as_current_span("view"):
        await aenqueue("orders", {"n": 1})
    row = await in_thread(Delivery.objects.get)
    assert row.traceparent == out_of(kept.one("view"))
    running = asyncio.ensure_future(in_thread(run_delivery, str(row.pk)))
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, result=None)
    assert await running
    span = kept.one("process orders")
    assert span.kind == SpanKind.CONSUMER
    assert is_child(span, kept.one("view"))
    assert is_child(kept.one("f"), span)
    assert invocation["traceparent"] == out_of(kept.one("f"))
    assert span.attributes == {
        "faas.invoked_name": "f",
        "faas.trigger": "pubsub",
        "iii.namespace": "default",
        "iii.trigger.type": row.trigger_type,
        "iii.trigger.id": row.trigger_id,
        "iii.delivery.id": str(row.pk),
        "iii.attempt": 1,
        "messaging.system": "iii",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "orders",
        "messaging.message.id": str(row.pk),
    }


async def make(**facts: Any) -> str:
    new = NewDelivery(**{"function_id": "f", "payload": b"{}", "lane": "lane", **facts})
    (delivery_id,) = await in_thread(create_deliveries, [new])
    assert delivery_id is not None
    return str(delivery_id)


async def test_a_delivery_of_no_trace_begins_one_and_links_what_it_runs_in(
    kept: Kept, engine: Engine, messages: Messages
) -> None:
    engine.functions.add_local(declare(engine.site, "f", lambda data: None))
    delivery_id = await make(trigger_type="cron", trigger_id="nightly")

    def in_celery() -> None:
        with kept.tracer.start_as_current_span("celery"):
            run_delivery(delivery_id)

    await in_thread(in_celery)
    (span,) = (span for span in kept.spans if span.kind == SpanKind.CONSUMER)
    assert (span.name, span.parent) == ("f", None)
    assert span.attributes is not None
    assert span.attributes["faas.trigger"] == "timer"
    assert [link.context for link in span.links] == [kept.one("celery").get_span_context()]


async def test_an_attempt_that_fails_is_an_error(
    kept: Kept, engine: Engine, messages: Messages
) -> None:
    def fail(data: Any) -> None:
        raise ValueError("token=abc")

    engine.functions.add_local(declare(engine.site, "f", fail))
    await in_thread(run_delivery, await make(topic="orders"))
    span = kept.one("process orders")
    assert span.status.description == "invocation_failed"
    assert span.events[0].attributes is not None
    assert "abc" not in str(span.events[0].attributes["exception.message"])


@pytest.mark.parametrize("parent", [SAMPLED, ""])
async def test_without_spans_a_delivery_carries_what_came(
    kept: Kept, engine: Engine, messages: Messages, connect: Connect, parent: str
) -> None:
    engine.invoker.tracer = None
    worker = await connect("f")
    running = asyncio.ensure_future(
        in_thread(run_delivery, await make(topic="orders", traceparent=parent))
    )
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, result=None)
    assert await running
    assert invocation.get("traceparent", "") == parent
    assert kept.spans == []
