"""The enqueue action of a call (protocol reference, section 3.10)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.delivery import publishing
from iii_triggers.engine.core import Engine
from iii_triggers.models import Delivery
from tests.support.ledger import Messages
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

ENQUEUE = {"type": "enqueue"}


async def test_answers_with_a_receipt_and_the_call_is_a_row(
    messages: Messages, connect: Connect
) -> None:
    worker = await connect()
    answer = await worker.call("any.function", {"n": 1}, action={**ENQUEUE, "queue": "default"})
    row = await in_thread(Delivery.objects.get)
    assert answer["result"] == {"messageReceiptId": str(row.pk)}
    assert answer["function_id"] == "any.function"
    assert (row.function_id, row.payload, row.queue) == ("any.function", '{"n":1}', "iii:default")
    assert messages.sent == [("iii:default", str(row.pk))]


async def test_the_id_of_the_caller_is_not_passed_on(messages: Messages, connect: Connect) -> None:
    worker = await connect()
    await worker.call("f", {}, action=ENQUEUE)
    assert (await in_thread(Delivery.objects.get)).payload == "{}"


@pytest.mark.parametrize("data", [[1], "text", 0, None])
async def test_any_data_is_taken(messages: Messages, connect: Connect, data: Any) -> None:
    worker = await connect()
    await worker.call("f", data, action=ENQUEUE)
    row = await in_thread(Delivery.objects.get)
    assert row.payload == json.dumps(data, separators=(",", ":"))


async def test_metadata_trace_and_namespace_go_along(messages: Messages, connect: Connect) -> None:
    worker = await connect()
    await worker.call(
        "f", 1, action=ENQUEUE, metadata={"a": 1}, namespace="tenant", traceparent="00-1-2-01"
    )
    row = await in_thread(Delivery.objects.get)
    assert (row.metadata, row.namespace, row.traceparent) == ({"a": 1}, "tenant", "00-1-2-01")


async def test_the_receipt_waits_for_the_commit(
    messages: Messages, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await connect()
    written, may_answer = threading.Event(), threading.Event()
    write = publishing.publications._work

    def hold(units: Any) -> Any:
        ids = write(units)
        written.set()
        assert may_answer.wait(10)
        return ids

    monkeypatch.setattr(publishing.publications, "_work", hold)
    before = len(worker.results)
    await worker.start_call("f", 1, action=ENQUEUE, invocation_id="i")
    assert await asyncio.to_thread(written.wait, 10)
    assert len(worker.results) == before
    assert await in_thread(Delivery.objects.count) == 1
    may_answer.set()
    answers = await worker.transport.receive("invocationresult", before + 1)
    assert answers[-1]["invocation_id"] == "i"


async def test_a_failed_commit_is_no_receipt(
    messages: Messages, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(units: Any) -> Any:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(publishing.publications, "_work", fail)
    answer = await (await connect()).call("f", 1, action=ENQUEUE)
    assert "result" not in answer
    assert answer["error"]["message"] == "the disk is full"


async def test_an_unknown_queue(messages: Messages, connect: Connect) -> None:
    worker = await connect()
    for queue in ("x", ""):
        error = (await worker.call("f", 1, action={**ENQUEUE, "queue": queue}))["error"]
        assert (error["code"], error["message"]) == ("enqueue_error", f"Queue '{queue}' not found")
    assert await in_thread(Delivery.objects.count) == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "FIFO queue 'pay' requires field 'id' in data, but it was not found"),
        (7, "FIFO queue 'pay' requires field 'id' in data, but it was not found"),
        ({"id": None}, "FIFO queue 'pay': field 'id' must not be null"),
    ],
)
async def test_a_fifo_queue_wants_its_field(
    messages: Messages, connect: Connect, data: Any, message: str
) -> None:
    worker = await connect()
    with override_settings(III_QUEUES={"pay": {"type": "fifo", "message_group_field": "id"}}):
        error = (await worker.call("f", data, action={**ENQUEUE, "queue": "pay"}))["error"]
        good = await worker.call("f", {"id": "a"}, action={**ENQUEUE, "queue": "pay"})
    assert (error["code"], error["message"]) == ("enqueue_error", message)
    assert "result" in good
    assert (await in_thread(Delivery.objects.get)).ordering_key == "a"


async def test_calls_of_one_socket_keep_their_order(messages: Messages, connect: Connect) -> None:
    worker = await connect()
    for number in range(10):
        await worker.start_call("f", number, action=ENQUEUE, invocation_id=str(number))
    await worker.transport.receive("invocationresult", 11)
    rows = await in_thread(lambda: list(Delivery.objects.order_by("pk")))
    assert [row.payload for row in rows] == [str(number) for number in range(10)]


async def test_without_an_invocation_id_nothing_is_answered(
    messages: Messages, connect: Connect
) -> None:
    worker = await connect()
    await worker.start_call("f", 1, action=ENQUEUE)
    await worker.call("engine::workers::list")
    await worker.call("g", 2, action=ENQUEUE)
    assert await in_thread(Delivery.objects.count) == 2
    assert [answer["function_id"] for answer in worker.results[-2:]] == [
        "engine::workers::list",
        "g",
    ]


async def test_void_calls_at_once_and_answers_nothing(messages: Messages, connect: Connect) -> None:
    worker = await connect("f")
    await worker.start_call("f", {"n": 1}, action={"type": "void"}, invocation_id="i")
    (invocation,) = worker.invocations
    assert invocation["data"]["n"] == 1
    await worker.answer(invocation, result=1)
    await worker.call("engine::workers::list")
    assert not any(answer["invocation_id"] == "i" for answer in worker.results)
    assert await in_thread(Delivery.objects.count) == 0


@pytest.mark.parametrize("namespace", ["", "  "])
async def test_a_blank_namespace_is_refused(
    messages: Messages, connect: Connect, namespace: str
) -> None:
    answer = await (await connect()).call("f", 1, action=ENQUEUE, namespace=namespace)
    assert answer["error"]["code"] == "INVALID_NAMESPACE"


async def test_metadata_that_no_database_takes_is_refused_and_harms_no_other(
    messages: Messages, connect: Connect, engine: Engine
) -> None:
    worker = await connect()
    await worker.start_call("f", 1, action=ENQUEUE, invocation_id="a")
    await worker.start_call("f", 2, action=ENQUEUE, invocation_id="b", metadata={"x": "\0"})
    await worker.start_call("f", 3, action=ENQUEUE, invocation_id="c", traceparent="x" * 999)
    answers = await worker.transport.receive("invocationresult", 4)
    outcome = {answer["invocation_id"]: "error" in answer for answer in answers[1:]}
    assert outcome == {"a": False, "b": True, "c": False}
