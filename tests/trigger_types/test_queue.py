"""Queue triggers: the subscription follows the row of the trigger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery.policy import Policy
from iii_triggers.delivery.topics import Message, publish
from iii_triggers.engine.core import Engine
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Delivery, Node, Subscription, Trigger
from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.queue_config import parse_config
from tests.support.ledger import Messages
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]


def add(topic: str = "orders", **facts: Any) -> Trigger:
    values = {"trigger_type": "queue", "function_id": "f", "config": {"topic": topic}, **facts}
    return Trigger.objects.create(**values)


def change(trigger: Trigger, **values: Any) -> None:
    for name, value in values.items():
        setattr(trigger, name, value)
    trigger.save()


def subscribed() -> list[tuple[str, str]]:
    rows = Subscription.objects.order_by("topic", "function_id")
    return list(rows.values_list("topic", "function_id"))


def say(data: Any = 1, topic: str = "orders") -> list[Any]:
    return publish(Message(topic=topic, data=Payload.of(data)))


class TestRowsOfTheSite:
    """Saved in the admin or in code."""

    def test_a_trigger_subscribes_its_function(self, messages: Messages) -> None:
        trigger = add(
            metadata={"a": 1}, config={"topic": "orders", "queue_config": {"type": "fifo"}}
        )
        row = Subscription.objects.get()
        assert (row.topic, row.function_id, row.namespace) == ("orders", "f", "default")
        assert (row.trigger_id, row.metadata) == (trigger.trigger_id, {"a": 1})
        assert row.policy == {"is_ordered": True}
        trigger.refresh_from_db()
        assert trigger.identity == row.identity

    @pytest.mark.parametrize("alias", ["queue", "event", "durable:subscriber"])
    def test_whatever_an_sdk_calls_the_type(self, messages: Messages, alias: str) -> None:
        add()
        add(trigger_type=alias)
        assert subscribed() == [("orders", "f")]

    def test_a_disabled_one_does_not(self, messages: Messages) -> None:
        trigger = add(enabled=False)
        assert subscribed() == []
        change(trigger, enabled=True)
        assert subscribed() == [("orders", "f")]
        change(trigger, enabled=False)
        assert subscribed() == []
        trigger.refresh_from_db()
        assert trigger.identity == ""

    def test_one_that_is_deleted_does_not_any_more(self, messages: Messages) -> None:
        add().delete()
        assert subscribed() == []
        add()
        Trigger.objects.all().delete()
        assert subscribed() == []

    @pytest.mark.parametrize(
        ("values", "left"),
        [
            ({"config": {"topic": "returns"}}, [("returns", "f")]),
            ({"function_id": "g"}, [("orders", "g")]),
            ({"namespace": "tenant"}, [("orders", "f")]),
            ({"trigger_type": "http", "config": {"api_path": "x"}}, []),
            ({"trigger_type": "unknown"}, []),
            ({"trigger_type": "event"}, [("orders", "f")]),
            ({"config": {}}, []),
        ],
    )
    def test_one_that_is_edited_subscribes_anew(
        self, messages: Messages, values: dict[str, Any], left: list[Any]
    ) -> None:
        trigger = add()
        change(trigger, **values)
        assert subscribed() == left
        trigger.refresh_from_db()
        assert (trigger.identity != "") == bool(left)

    def test_one_that_is_read_anew_and_edited(self, messages: Messages) -> None:
        change(Trigger.objects.get(pk=add().pk), config={"topic": "returns"})
        assert subscribed() == [("returns", "f")]

    def test_the_newest_of_identical_ones_says_how(self, messages: Messages) -> None:
        add()
        config = {"topic": "orders", "queue_config": {"concurrency": 2}}
        last = add(config=config)
        row = Subscription.objects.get()
        assert (row.trigger_id, row.policy) == (last.trigger_id, {"concurrency": 2})

    def test_identical_ones_end_with_the_last(self, messages: Messages) -> None:
        first, second = add(), add()
        assert len(say()) == 1
        first.delete()
        assert subscribed() == [("orders", "f")]
        second.delete()
        assert subscribed() == []

    def test_others_are_others(self, messages: Messages) -> None:
        add()
        add(function_id="g")
        add(topic="returns")
        add(namespace="tenant")
        assert len(say()) == 3

    def test_a_wrong_config_subscribes_nothing(self, messages: Messages) -> None:
        add(config={"topic": ""})
        assert subscribed() == []

    def test_a_row_of_another_type_is_left_alone(self, messages: Messages) -> None:
        trigger = add(trigger_type="http", config={"api_path": "x"})
        trigger.delete()
        assert subscribed() == []

    def test_rolled_back_never_happened(self, messages: Messages) -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            add()
            raise RuntimeError
        assert subscribed() == []

    def test_a_trigger_is_not_saved_without_its_subscription(
        self, messages: Messages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(wish: Any) -> Any:
            raise RuntimeError

        monkeypatch.setattr("iii_triggers.trigger_types.queue.subscribe", fail)
        with pytest.raises(RuntimeError):
            add()
        assert not Trigger.objects.exists()


class TestWorkers:
    """Registered by an SDK."""

    async def bind(self, worker: FakeWorker, trigger_id: str = "t", **facts: Any) -> None:
        await worker.bind(trigger_id, "queue", config={"topic": "orders"}, **facts)

    async def subscription(self) -> Subscription:
        return await in_thread(Subscription.objects.get)

    async def test_a_registration_is_a_subscription_once_it_is_written(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        worker = await connect("f")
        await self.bind(worker)
        assert await in_thread(subscribed) == []
        await flush()
        assert await in_thread(subscribed) == [("orders", "f")]
        assert worker.transport.of_type("triggerregistrationresult") == []

    async def test_one_that_is_refused_leaves_nothing(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        worker = await connect("f")
        await worker.bind("t", "queue", config={"topic": ""})
        await flush()
        (refusal,) = worker.transport.of_type("triggerregistrationresult")
        assert "topic is required" in refusal["error"]["message"]
        assert await in_thread(subscribed) == []

    @override_settings(III_SUBSCRIPTION_TTL_S=60)
    async def test_it_outlives_the_connection(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        worker = await connect("f")
        await self.bind(worker)
        await flush()
        await worker.leave()
        await flush()
        expires_at = (await self.subscription()).expires_at
        assert expires_at is not None
        assert timedelta(0) < expires_at - timezone.now() <= timedelta(seconds=60)
        assert len(await in_thread(say)) == 1
        row = await in_thread(Delivery.objects.get)
        assert (row.function_id, row.waits_for) == ("f", "")

    async def test_a_reconnection_takes_it_up_again(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        first = await connect("f")
        await self.bind(first)
        await flush()
        before = await self.subscription()
        await first.leave()
        await flush()
        await self.bind(await connect("f"))
        await flush()
        after = await self.subscription()
        assert (after.pk, after.expires_at) == (before.pk, None)

    async def test_a_reconnection_in_one_batch_with_the_end_of_the_old_one(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        first = await connect("f")
        await self.bind(first)
        await flush()
        second = await connect("f")
        await self.bind(second)
        await first.leave()
        await flush()
        assert (await self.subscription()).expires_at is None

    async def test_an_unregistration_ends_it_at_once(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        worker = await connect("f")
        await self.bind(worker)
        await flush()
        await worker.send("unregistertrigger", id="t")
        await flush()
        assert await in_thread(subscribed) == []

    async def test_an_unregistration_just_before_the_end_ends_it_too(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        worker = await connect("f")
        await self.bind(worker)
        await flush()
        await worker.send("unregistertrigger", id="t")
        await worker.leave()
        await flush()
        assert await in_thread(subscribed) == []

    async def test_two_replicas_are_one_subscription(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        first, second = await connect("f"), await connect("f")
        await self.bind(first, "t")
        await self.bind(second, "u")
        await flush()
        assert await in_thread(subscribed) == [("orders", "f")]
        assert len(await in_thread(say)) == 1
        await first.leave()
        await flush()
        assert (await self.subscription()).expires_at is None
        await second.send("unregistertrigger", id="u")
        await flush()
        assert await in_thread(subscribed) == []

    async def test_a_node_that_dies_is_no_unregistration(
        self, messages: Messages, engine: Engine, connect: Connect, flush: Flush
    ) -> None:
        for _ in range(2):
            worker = await connect("f")
            await self.bind(worker, f"t{worker.id}")
        await flush()
        await in_thread(Node.objects.all().delete)
        assert (await self.subscription()).expires_at is not None
        assert await in_thread(Trigger.objects.count) == 0

    async def test_messages_of_one_that_ended_wait_for_the_same_function(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        worker = await connect("f", "g")
        await self.bind(worker)
        await flush()
        await in_thread(say)
        await worker.send("unregistertrigger", id="t")
        await flush()
        row = await in_thread(Delivery.objects.get)
        assert (row.function_id, row.waits_for) == ("f", "subscriber")
        await self.bind(worker, "u", function_id="g")
        await flush()
        assert (await in_thread(Delivery.objects.get)).waits_for == "subscriber"
        await self.bind(worker, "v")
        await flush()
        row = await in_thread(Delivery.objects.get)
        assert (row.function_id, row.waits_for, row.trigger_id) == ("f", "", "v")

    async def test_a_trigger_that_moves_to_another_topic_leaves_the_first(
        self, messages: Messages, connect: Connect, flush: Flush
    ) -> None:
        worker = await connect("f")
        await self.bind(worker)
        await flush()
        await worker.bind("t", "queue", config={"topic": "returns"})
        await flush()
        assert await in_thread(subscribed) == [("returns", "f")]


class TestConfig:
    """The keys that SDKs of different ages send."""

    @pytest.mark.parametrize(
        ("tuning", "policy"),
        [
            ({}, Policy()),
            ({"type": "standard"}, Policy()),
            ({"type": "concurrent"}, Policy()),
            ({"type": "fifo"}, Policy(is_ordered=True)),
            (
                {"type": "fifo", "messageGroupField": "id"},
                Policy(is_ordered=True, order_by="id"),
            ),
            ({"maxRetries": 0}, Policy(max_attempts=1)),
            ({"maxRetries": 4.0}, Policy(max_attempts=5)),
            ({"concurrency": 2}, Policy(concurrency=2)),
            ({"backoffDelayMs": 0}, Policy(backoff_ms=0)),
            ({"backoffType": "fixed"}, Policy(backoff_type="fixed")),
            ({"backoffType": "exponential"}, Policy()),
            ({"delaySeconds": 1.5}, Policy(delay_s=1.5)),
            ({"visibilityTimeout": 0.5}, Policy(timeout_ms=500)),
            ({"max_retries": 1, "backoff_delay_ms": 5}, Policy(max_attempts=2, backoff_ms=5)),
            ({"maxRetries": None, "unknown": "x"}, Policy()),
        ],
    )
    def test_what_it_means(self, tuning: Any, policy: Policy) -> None:
        new = parse_config({"topic": "t", "queue_config": tuning})
        old = parse_config({"topic": "t", "metadata": {"infrastructure": {"queue": tuning}}})
        assert (new.topic, new.policy) == ("t", policy)
        assert old == new

    @pytest.mark.parametrize(
        "more", [{}, {"queue_config": None}, {"metadata": "text"}, {"metadata": {"team": "web"}}]
    )
    def test_without_any(self, more: Any) -> None:
        assert parse_config({"topic": "t", **more}).policy == Policy()

    @pytest.mark.parametrize(
        "key",
        [
            "condition_function_id",
            "_condition_path",
            "condition_function_path",
            "_condition_function_id",
        ],
    )
    def test_a_condition_by_any_name(self, key: str) -> None:
        policy = parse_config({"topic": "t", key: "ask"}).policy
        assert (policy.condition_function_id, policy.condition_error) == ("ask", "fail")
        with pytest.raises(InvalidConfig) as caught:
            parse_config({"topic": "t", key: 7})
        assert caught.value.field == key
        assert parse_config({"topic": "t", key: ""}).policy == Policy()

    @pytest.mark.parametrize(
        "tuning",
        [
            "text",
            {"type": "random"},
            {"type": 7},
            {"maxRetries": -1},
            {"maxRetries": 1.5},
            {"maxRetries": True},
            {"maxRetries": "3"},
            {"concurrency": 0},
            {"concurrency": 2**31},
            {"backoffDelayMs": -1},
            {"backoffType": "linear"},
            {"delaySeconds": -1},
            {"delaySeconds": float("nan")},
            {"visibilityTimeout": 0},
            {"messageGroupField": ""},
            {"messageGroupField": 7},
        ],
    )
    def test_what_is_wrong_is_named(self, tuning: Any) -> None:
        with pytest.raises(InvalidConfig) as caught:
            parse_config({"topic": "t", "queue_config": tuning})
        assert caught.value.field == "queue_config"
        with pytest.raises(InvalidConfig) as caught:
            parse_config({"topic": "t", "metadata": {"infrastructure": {"queue": tuning}}})
        assert caught.value.message

    def test_is_an_object(self) -> None:
        with pytest.raises(InvalidConfig):
            parse_config([])

    @pytest.mark.parametrize("topic", [None, "", 7, [], "x" * 256, "a\0b"])
    def test_a_topic_is_text(self, topic: Any) -> None:
        with pytest.raises(InvalidConfig) as caught:
            parse_config({"topic": topic})
        assert caught.value.field == "topic"


async def test_a_trigger_of_another_process_counts(messages: Messages, engine: Engine) -> None:
    await in_thread(partial(add, source="admin"))
    await engine.refresh()
    entry = engine.triggers.get((await in_thread(Trigger.objects.get)).trigger_id)
    assert entry is not None
    assert entry.state == "active"
