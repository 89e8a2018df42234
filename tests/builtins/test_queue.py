"""Publishing and dead letters as SDKs call them (trigger reference, sections 4.1, 4.6, 4.7)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from iii_triggers import ainvoke
from iii_triggers.builtins import queue
from iii_triggers.engine.core import Engine
from iii_triggers.models import Delivery, Topic
from iii_triggers.protocol.errors import IiiError
from tests.support.ledger import Messages
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

FAMILY = [
    "iii::queue::redrive",
    "iii::queue::redrive_message",
    "iii::queue::discard_message",
    "engine::queue::list_topics",
    "engine::queue::topic_stats",
    "engine::queue::dlq_topics",
    "engine::queue::dlq_messages",
]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def dead(messages: Messages, engine: Engine) -> Callable[..., Awaitable[Delivery]]:
    """Have a delivery that is dead, one second younger than the last."""
    clock = datetime(2026, 1, 1, tzinfo=UTC)

    async def dead(topic: str = "orders", **facts: Any) -> Delivery:
        nonlocal clock
        clock += timedelta(seconds=1)
        values = {
            "trigger_type": "queue",
            "function_id": "f",
            "payload": '{"n":1}',
            "lane": "l",
            "queue": "iii.orders",
            "state": "dead",
            "attempts": 3,
            "error": "no",
            "finished_at": clock,
            **facts,
        }
        return await in_thread(partial(Delivery.objects.create, topic=topic, **values))

    return dead


Dead = Callable[..., Awaitable[Delivery]]


async def fails(function_id: str, data: Any) -> tuple[str, str]:
    with pytest.raises(IiiError) as caught:
        await ainvoke(function_id, data)
    return caught.value.code, caught.value.message


async def states() -> list[str]:
    def read() -> list[str]:
        return list(Delivery.objects.order_by("pk").values_list("state", flat=True))

    return await in_thread(read)


class TestPublish:
    """``enqueue``, ``emit``, ``iii::durable::publish``."""

    @pytest.mark.parametrize("function_id", ["enqueue", "emit", "iii::durable::publish"])
    @pytest.mark.parametrize("data", [{"a": 1}, [1], "text", 0, False, None])
    async def test_by_any_name_answers_nothing(
        self, messages: Messages, connect: Connect, function_id: str, data: Any
    ) -> None:
        worker = await connect()
        answer = await worker.call(function_id, {"topic": "orders", "data": data})
        assert "error" not in answer
        assert "result" not in answer
        row = await in_thread(Delivery.objects.get)
        assert row.topic == "orders"
        assert row.payload == json.dumps(data, separators=(",", ":"))

    async def test_the_id_of_the_caller_is_not_passed_on(
        self, messages: Messages, connect: Connect
    ) -> None:
        worker = await connect()
        await worker.call("enqueue", {"topic": "orders", "data": {"n": 1}})
        assert (await in_thread(Delivery.objects.get)).payload == '{"n":1}'

    async def test_the_trace_goes_along(self, messages: Messages, connect: Connect) -> None:
        worker = await connect()
        await worker.call("enqueue", {"topic": "orders", "data": 1}, traceparent=TRACE)
        assert (await in_thread(Delivery.objects.get)).traceparent == TRACE

    @pytest.mark.parametrize("function_id", ["enqueue", "iii::durable::publish"])
    async def test_an_empty_topic(
        self, messages: Messages, engine: Engine, function_id: str
    ) -> None:
        error = await fails(function_id, {"topic": "", "data": 1})
        assert error == ("topic_not_set", "Topic is not set")

    @pytest.mark.parametrize(
        "data", [None, {}, {"topic": "t"}, {"data": 1}, {"topic": 7, "data": 1}, []]
    )
    async def test_both_keys_are_required(
        self, messages: Messages, engine: Engine, data: Any
    ) -> None:
        code, message = await fails("iii::durable::publish", data)
        assert code == "deserialization_error"
        assert message.startswith("Failed to deserialize input for iii::durable::publish: ")
        assert await states() == []

    async def test_data_that_is_too_large(self, messages: Messages, engine: Engine) -> None:
        with override_settings(III_MAX_PAYLOAD_BYTES=10):
            code, _ = await fails("enqueue", {"topic": "t", "data": "x" * 11})
        assert code == "payload_too_large"
        assert await states() == []

    async def test_data_that_is_not_json(self, messages: Messages, engine: Engine) -> None:
        code, _ = await fails("enqueue", {"topic": "t", "data": object()})
        assert code == "serialization_error"
        assert await states() == []

    async def test_a_topic_that_is_too_long(self, messages: Messages, engine: Engine) -> None:
        code, _ = await fails("enqueue", {"topic": "x" * 256, "data": 1})
        assert code == "INVALID_ARGUMENTS"

    async def test_publishes_of_one_socket_keep_their_order(
        self, messages: Messages, connect: Connect
    ) -> None:
        worker = await connect("f")
        await worker.bind("t", "queue", config={"topic": "orders"})
        for number in range(20):
            await worker.start_call(
                "enqueue", {"topic": "orders", "data": number}, invocation_id=str(number)
            )
        await worker.transport.receive("invocationresult", 21)
        rows = await in_thread(lambda: list(Delivery.objects.order_by("pk")))
        assert [row.payload for row in rows] == [str(number) for number in range(20)]

    async def test_a_trigger_registered_just_before_gets_it(
        self, messages: Messages, connect: Connect
    ) -> None:
        worker = await connect("f")
        await worker.bind("t", "queue", config={"topic": "orders"})
        await worker.call("enqueue", {"topic": "orders", "data": 1})
        row = await in_thread(Delivery.objects.get)
        assert (row.function_id, row.waits_for, row.trigger_id) == ("f", "", "t")

    async def test_a_trigger_unregistered_just_before_does_not(
        self, messages: Messages, connect: Connect
    ) -> None:
        worker = await connect("f")
        await worker.bind("t", "queue", config={"topic": "orders"})
        await worker.call("enqueue", {"topic": "orders", "data": 1})
        await worker.send("unregistertrigger", id="t")
        await worker.call("enqueue", {"topic": "orders", "data": 2})
        assert (await in_thread(partial(Delivery.objects.get, payload="2"))).function_id == ""

    async def test_a_trigger_registered_after_it_gets_it_too(
        self, messages: Messages, connect: Connect, flush: Callable[[], Awaitable[None]]
    ) -> None:
        worker = await connect("f")
        await worker.call("enqueue", {"topic": "orders", "data": 1})
        await worker.bind("t", "queue", config={"topic": "orders"})
        await flush()
        assert (await in_thread(Delivery.objects.get)).function_id == "f"


class TestEnqueue:
    """``engine::queue::enqueue``: what the enqueue action of SDKs becomes."""

    async def test_answers_with_a_receipt(self, messages: Messages, engine: Engine) -> None:
        call = {"function_id": "f", "data": {"n": 1}, "messageReceiptId": "of the SDK"}
        answer = await ainvoke("engine::queue::enqueue", call)
        row = await in_thread(Delivery.objects.get)
        assert answer == {"messageReceiptId": str(row.pk)}
        assert (row.queue, row.function_id, row.payload) == ("iii:default", "f", '{"n":1}')

    async def test_takes_all_of_it(self, messages: Messages, engine: Engine) -> None:
        call = {
            "function_id": "f",
            "queue": "emails",
            "namespace": "tenant",
            "metadata": {"a": 1},
            "_caller_worker_id": "w",
        }
        with override_settings(III_QUEUES={"emails": {}}):
            await ainvoke("engine.queue.enqueue", call)
        row = await in_thread(Delivery.objects.get)
        assert (row.topic, row.namespace, row.metadata) == ("emails", "tenant", {"a": 1})
        assert row.payload == "null"

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            ({"function_id": "f", "queue": "x"}, "enqueue_error"),
            ({"function_id": ""}, "INVALID_ARGUMENTS"),
            ({"function_id": "f", "namespace": " "}, "INVALID_NAMESPACE"),
            ({"function_id": "f", "metadata": {"a": "\0"}}, "INVALID_ARGUMENTS"),
            ({}, "deserialization_error"),
            (None, "deserialization_error"),
        ],
    )
    async def test_what_is_wrong_is_told(
        self, messages: Messages, engine: Engine, data: Any, code: str
    ) -> None:
        assert (await fails("engine::queue::enqueue", data))[0] == code
        assert await states() == []


class TestRedrive:
    """``iii::queue::*``."""

    @pytest.mark.parametrize("key", ["queue", "topic"])
    async def test_all_of_a_topic(self, messages: Messages, dead: Dead, key: str) -> None:
        first, second = await dead(), await dead()
        await dead("others")
        await dead(state="succeeded")
        answer = await ainvoke("iii::queue::redrive", {key: "orders"})
        assert answer == {"queue": "orders", "redriven": 2}
        assert await states() == ["queued", "queued", "dead", "succeeded"]
        assert messages.ids == [str(first.pk), str(second.pk)]
        assert (await in_thread(partial(Delivery.objects.get, pk=first.pk))).attempts == 0

    async def test_nothing_is_nothing(self, messages: Messages, engine: Engine) -> None:
        answer = await ainvoke("iii::queue::redrive", {"queue": "unknown"})
        assert answer == {"queue": "unknown", "redriven": 0}

    @pytest.mark.parametrize(
        ("function_id", "state"),
        [("iii::queue::redrive_message", "queued"), ("iii::queue::discard_message", "cancelled")],
    )
    async def test_one_of_a_topic(
        self, messages: Messages, dead: Dead, function_id: str, state: str
    ) -> None:
        row, _ = await dead(), await dead()
        data = {"topic": "orders", "message_id": str(row.pk)}
        answer = await ainvoke(function_id, data)
        assert answer == {"queue": "orders", "message_id": str(row.pk), "redriven": 1}
        assert await states() == [state, "dead"]
        assert (await ainvoke(function_id, data))["redriven"] == 0

    @pytest.mark.parametrize(
        "message_id", ["nonsense", "9e0b5275-c100-44be-9857-8d75d1f0264b", "of others"]
    )
    async def test_one_that_is_not_there(
        self, messages: Messages, dead: Dead, message_id: str
    ) -> None:
        row = await dead("others")
        wanted = str(row.pk) if message_id == "of others" else message_id
        data = {"queue": "orders", "message_id": wanted}
        answer = await ainvoke("iii::queue::redrive_message", data)
        assert answer == {"queue": "orders", "message_id": wanted, "redriven": 0}
        assert await states() == ["dead"]

    @pytest.mark.parametrize("function_id", FAMILY[:3])
    @pytest.mark.parametrize("data", [None, {}, {"queue": ""}, {"message_id": "x"}])
    async def test_a_queue_is_required(
        self, messages: Messages, engine: Engine, function_id: str, data: Any
    ) -> None:
        error = await fails(function_id, data)
        assert error == ("queue_not_set", "Queue name is required")

    @pytest.mark.parametrize("function_id", FAMILY[1:3])
    async def test_a_message_id_is_required(
        self, messages: Messages, engine: Engine, function_id: str
    ) -> None:
        error = await fails(function_id, {"queue": "orders"})
        assert error == ("message_id_not_set", "Message ID is required")


class TestStatistics:
    """``engine::queue::*``."""

    async def test_topics_and_queues_are_listed(self, messages: Messages, connect: Connect) -> None:
        worker = await connect("f")
        await worker.bind("t", "queue", config={"topic": "orders"})
        await worker.call("enqueue", {"topic": "orders", "data": 1})
        await worker.call("enqueue", {"topic": "lonely", "data": 1})
        with override_settings(III_QUEUES={"emails": {"concurrency": 4}}):
            listed = await ainvoke("engine::queue::list_topics")
        assert listed == [
            {"name": "default", "broker_type": "function_queue", "subscriber_count": 1},
            {"name": "emails", "broker_type": "function_queue", "subscriber_count": 4},
            {"name": "lonely", "broker_type": "builtin", "subscriber_count": 0},
            {"name": "orders", "broker_type": "builtin", "subscriber_count": 1},
        ]

    async def test_a_queue_that_is_configured_no_more_has_nobody(
        self, messages: Messages, engine: Engine
    ) -> None:
        await in_thread(partial(Topic.objects.create, name="gone", kind=Topic.Kind.QUEUE))
        listed = await ainvoke("engine::queue::list_topics")
        assert listed[1] == {"name": "gone", "broker_type": "builtin", "subscriber_count": 0}

    @pytest.mark.parametrize("key", ["topic", "queue"])
    async def test_a_topic_is_counted(self, messages: Messages, dead: Dead, key: str) -> None:
        for state in ("queued", "retry", "leased", "dead", "succeeded"):
            await dead(state=state)
        stats = await ainvoke("engine::queue::topic_stats", {key: "orders"})
        assert stats == {"depth": 3, "consumer_count": 0, "dlq_depth": 1, "config": None}

    async def test_who_has_dead_ones_is_listed(self, messages: Messages, dead: Dead) -> None:
        await dead()
        await dead()
        await dead("emails", trigger_type="")
        await dead("", trigger_type="cron")
        await dead("fine", state="succeeded")
        assert await ainvoke("engine::queue::dlq_topics") == [
            {"topic": "emails", "broker_type": "function_queue", "message_count": 1},
            {"topic": "orders", "broker_type": "builtin", "message_count": 2},
        ]

    async def test_dead_ones_are_listed_newest_first(self, messages: Messages, dead: Dead) -> None:
        rows = [await dead(payload=f'"é{number}"', attempts=number) for number in range(5)]
        listed = await ainvoke("engine::queue::dlq_messages", {"topic": "orders"})
        assert [row["id"] for row in listed] == [str(row.pk) for row in reversed(rows)]
        assert rows[0].finished_at is not None
        assert listed[-1] == {
            "id": str(rows[0].pk),
            "payload": "é0",
            "error": "no",
            "failed_at": int(rows[0].finished_at.timestamp()),
            "retries": 0,
            "size_bytes": 5,
        }

    @pytest.mark.parametrize(
        ("page", "numbers"),
        [
            ({"limit": 2}, [4, 3]),
            ({"offset": 3}, [1, 0]),
            ({"offset": 1, "limit": 2}, [3, 2]),
            ({"offset": -1, "limit": -1}, []),
            ({"offset": 9}, []),
        ],
    )
    async def test_dead_ones_come_in_pages(
        self, messages: Messages, dead: Dead, page: dict[str, int], numbers: list[int]
    ) -> None:
        for number in range(5):
            await dead(payload=str(number))
        listed = await ainvoke("engine::queue::dlq_messages", {"queue": "orders", **page})
        assert [row["payload"] for row in listed] == numbers

    async def test_one_without_a_time_is_shown(self, messages: Messages, dead: Dead) -> None:
        await dead(finished_at=None)
        (row,) = await ainvoke("engine::queue::dlq_messages", {"topic": "orders"})
        assert row["failed_at"] == 0

    @pytest.mark.parametrize("function_id", [FAMILY[4], FAMILY[6]])
    @pytest.mark.parametrize("data", [None, {}, {"topic": ""}])
    async def test_a_topic_is_required(
        self, messages: Messages, engine: Engine, function_id: str, data: Any
    ) -> None:
        assert await fails(function_id, data) == ("topic_required", "topic is required")


@pytest.mark.parametrize("function_id", [*FAMILY, *(id_.replace("::", ".") for id_ in FAMILY[3:])])
async def test_wrong_input_is_told_under_the_name_that_was_called(
    messages: Messages, engine: Engine, function_id: str
) -> None:
    code, message = await fails(function_id, [])
    assert code == "deserialization_error"
    assert f"input for {function_id}: " in message


async def test_a_long_backlog_does_not_keep_the_engine_from_its_own_work(
    messages: Messages, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def redrive(rows: Any) -> int:
        loop.call_soon_threadsafe(begun.set)
        assert may_go.wait(10)
        return 7

    monkeypatch.setattr(queue, "redrive", redrive)
    redriving = asyncio.create_task(ainvoke("iii::queue::redrive", {"queue": "q"}))
    await begun.wait()
    await asyncio.wait_for(engine.database.run(timezone.now), 5)
    may_go.set()
    assert (await redriving)["redriven"] == 7
