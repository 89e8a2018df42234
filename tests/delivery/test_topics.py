"""Topics: every subscribed function gets every message, once."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery import create, queues, topics
from iii_triggers.delivery.policy import Policy
from iii_triggers.delivery.subscriptions import Wish, subscribe
from iii_triggers.delivery.topics import (
    Message,
    TopicNotSet,
    as_key,
    celery_queue,
    know_topics,
    publish,
    publish_all,
)
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Delivery, Topic
from iii_triggers.protocol.errors import InvalidArguments, PayloadTooLarge, SerializationFailed
from tests.support.threads import Aside

from .conftest import Messages


def join(function_id: str, topic: str = "orders", **facts: Any) -> None:
    """Subscribe a function."""
    values = {"namespace": "default", "trigger_id": f"trigger of {function_id}", **facts}
    identity = f"queue:{topic}:{function_id}"
    subscribe(Wish(identity=identity, topic=topic, function_id=function_id, **values))


def message(data: Any = None, topic: str = "orders", **facts: Any) -> Message:
    return Message(topic=topic, data=Payload.of(data), **facts)


def got(function_id: str) -> list[str]:
    rows = Delivery.objects.filter(function_id=function_id).order_by("pk")
    return list(rows.values_list("payload", flat=True))


class TestFanOut:
    """One delivery for each function."""

    def test_every_function_gets_every_message(self, messages: Messages) -> None:
        join("f")
        join("g", namespace="tenant", metadata={"team": "web"})
        join("h", topic="others")
        first, second = publish(message({"n": 1})), publish(message({"n": 2}))
        assert len(first) == len(second) == 2
        assert got("f") == got("g") == ['{"n":1}', '{"n":2}']
        assert got("h") == []
        assert sorted(messages.ids) == sorted(str(id_) for id_ in [*first, *second])
        row = Delivery.objects.filter(function_id="g").first()
        assert row is not None
        assert (row.namespace, row.metadata, row.topic) == ("tenant", {"team": "web"}, "orders")
        assert (row.trigger_type, row.trigger_id) == ("queue", "trigger of g")
        assert row.queue == "iii.orders"

    @pytest.mark.parametrize("data", [{"a": [1]}, [1], "text", 0, 1.5, False, None])
    def test_data_is_kept_as_it_is(self, messages: Messages, data: Any) -> None:
        join("f")
        publish(message(data))
        assert Payload.of_json(got("f")[0].encode()).value() == data

    def test_with_nobody_there_it_waits_for_the_first(self, messages: Messages) -> None:
        (delivery_id,) = publish(message(1))
        assert messages.sent == []
        row = Delivery.objects.get()
        assert (row.pk, row.waits_for, row.send_at) == (delivery_id, "subscriber", None)
        assert row.away_since is not None
        join("f")
        join("g")
        assert (got("f"), got("g")) == (["1"], [])

    def test_a_policy_is_that_of_the_time_of_publishing(self, messages: Messages) -> None:
        join("f", policy=Policy(max_attempts=5))
        publish(message())
        join("f", policy=Policy(max_attempts=9))
        publish(message())
        attempts = Delivery.objects.order_by("pk").values_list("max_attempts", flat=True)
        assert list(attempts) == [5, 9]

    def test_rolled_back_never_happened(self, messages: Messages) -> None:
        join("f")
        with pytest.raises(RuntimeError), transaction.atomic():
            publish(message())
            publish(message(topic="new"))
            raise RuntimeError
        assert not Delivery.objects.exists()
        assert messages.sent == []
        assert list(Topic.objects.values_list("name", flat=True)) == ["orders"]
        publish(message(topic="new"))
        assert Topic.objects.filter(name="new").exists()

    def test_several_messages_are_few_queries(
        self, messages: Messages, django_assert_max_num_queries: Any
    ) -> None:
        join("f")
        with django_assert_max_num_queries(8):  # however many messages
            ids = publish_all([message(number) for number in range(50)])
        assert [len(of_one) for of_one in ids] == [1] * 50
        assert got("f") == [str(number) for number in range(50)]


class TestDelay:
    """A message may wait before it is tried."""

    def test_as_long_as_the_subscriber_says(self, messages: Messages) -> None:
        join("f", policy=Policy(delay_s=60))
        join("g")
        publish(message())
        delayed = Delivery.objects.get(function_id="f")
        left = delayed.run_at - timezone.now()
        assert timedelta(seconds=50) < left <= timedelta(seconds=60)
        assert delayed.send_at == delayed.run_at
        assert messages.ids == [str(Delivery.objects.get(function_id="g").pk)]

    def test_or_as_long_as_the_publisher_says(self, messages: Messages) -> None:
        join("f", policy=Policy(delay_s=60))
        later = timezone.now() + timedelta(hours=1)
        publish(message(run_at=later))
        assert Delivery.objects.get().run_at == later
        assert messages.sent == []


class TestIdempotency:
    """A second message with a key reaches no function twice."""

    def test_for_each_function(self, messages: Messages) -> None:
        join("f")
        first = publish(message(1, idempotency_key="k"))
        join("g")
        second = publish(message(2, idempotency_key="k"))
        assert (got("f"), got("g")) == (["1"], ["2"])
        assert second[0] == first[0]
        assert second[1] not in first

    def test_for_nobody(self, messages: Messages) -> None:
        first = publish(message(1, idempotency_key="k"))
        assert publish(message(2, idempotency_key="k")) == first

    def test_in_one_batch(self, messages: Messages) -> None:
        join("f")
        (first,), (second,) = publish_all([message(n, idempotency_key="k") for n in range(2)])
        assert first == second
        assert got("f") == ["0"]
        assert messages.ids == [str(first)]

    def test_of_a_topic(self, messages: Messages) -> None:
        join("f")
        join("f", topic="others")
        publish(message(1, idempotency_key="k"))
        publish(message(2, topic="others", idempotency_key="k"))
        assert got("f") == ["1", "2"]

    @pytest.mark.parametrize("state", ["dead", "cancelled"])
    def test_a_run_that_failed_is_not_in_the_way(self, messages: Messages, state: str) -> None:
        join("f")
        publish(message(1, idempotency_key="k"))
        Delivery.objects.update(state=state)
        publish(message(2, idempotency_key="k"))
        assert got("f") == ["1", "2"]

    def test_a_publisher_at_the_same_time_gets_the_same_delivery(
        self, many_writers: None, messages: Messages, aside: Aside
    ) -> None:
        join("f")
        with transaction.atomic():
            first = publish(message(1, idempotency_key="k"))
            other = aside.start(lambda: publish(message(2, idempotency_key="k")))
        assert other.result(10) == first

    def test_one_that_died_a_moment_ago_is_named_all_the_same(
        self, messages: Messages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the insert that it prevented and the look for its id."""
        join("f")
        first = publish(message(1, idempotency_key="k"))
        look = create._written

        def die_before(rows: Any) -> Any:
            Delivery.objects.update(state="dead")
            return look(rows)

        monkeypatch.setattr(create, "_written", die_before)
        assert publish(message(2, idempotency_key="k")) == first


class TestOrder:
    """Keys order, for subscribers that want it."""

    @pytest.mark.parametrize(
        ("policy", "facts", "key"),
        [
            (Policy(), {"ordering_key": "given"}, ""),
            (Policy(is_ordered=True), {}, "default"),
            (Policy(is_ordered=True), {"ordering_key": "given"}, "given"),
            (Policy(is_ordered=True, order_by="id"), {}, "7"),
            (Policy(is_ordered=True, order_by="id"), {"ordering_key": "given"}, "given"),
            (Policy(is_ordered=True, order_by="none"), {}, "default"),
            (Policy(is_ordered=True, order_by="null"), {}, "default"),
            (Policy(order_by="id"), {}, ""),
        ],
    )
    def test_comes_from_the_publisher_or_the_data(
        self, messages: Messages, policy: Policy, facts: dict[str, str], key: str
    ) -> None:
        join("f", policy=policy)
        publish(message({"id": 7, "null": None}, **facts))
        assert Delivery.objects.get().ordering_key == key

    @pytest.mark.parametrize(
        ("value", "key"),
        [
            ("text", "text"),
            ("a\0b", "ab"),
            ("", "default"),
            ("\0", "default"),
            (7, "7"),
            (True, "true"),
            ({"a": 1}, '{"a":1}'),
            ("x" * 999, "x" * 255),
        ],
    )
    def test_any_value_makes_a_key(self, value: Any, key: str) -> None:
        assert as_key(value) == key


class TestBadMessages:
    """An error of the publisher; nothing is stored."""

    @pytest.mark.parametrize(
        ("bad", "error"),
        [
            (message(topic=""), TopicNotSet),
            (message(topic="x" * 256), InvalidArguments),
            (message(topic="a\0b"), InvalidArguments),
            (message(idempotency_key="x" * 256), InvalidArguments),
            (message(ordering_key="a\0b"), InvalidArguments),
            (message(object()), SerializationFailed),
            (message("\ud800"), SerializationFailed),
            (message("x" * 100), PayloadTooLarge),
        ],
    )
    @override_settings(III_MAX_PAYLOAD_BYTES=100)
    def test_stores_nothing(self, messages: Messages, bad: Message, error: type[Exception]) -> None:
        with pytest.raises(error):
            publish_all([message(1), bad])
        assert not Delivery.objects.exists()
        assert not Topic.objects.exists()
        assert messages.sent == []

    def test_the_longest_names_are_taken(self, messages: Messages) -> None:
        name = "é" * 255
        publish(message(topic=name, idempotency_key=name, ordering_key=name))
        assert Delivery.objects.get().topic == name

    @pytest.mark.parametrize("traceparent", ["x" * 256, "00-\0-1"])
    def test_a_trace_context_that_is_none_is_left_out(
        self, messages: Messages, traceparent: str
    ) -> None:
        publish(message(traceparent=traceparent))
        assert Delivery.objects.get().traceparent == ""

    def test_a_trace_context_is_kept(self, messages: Messages) -> None:
        publish(message(traceparent="00-1-2-01"))
        assert Delivery.objects.get().traceparent == "00-1-2-01"


class TestKnownTopics:
    """A topic has a row, for the workers that consume its queue."""

    @pytest.fixture
    def pokes(self) -> Any:
        pokes: list[int] = []
        end = queues.listen(lambda: pokes.append(1))
        yield pokes
        end()

    def test_a_new_one_is_told_once_committed(self, messages: Messages, pokes: list[int]) -> None:
        with transaction.atomic():
            publish(message())
            assert pokes == []
        assert pokes == [1]
        publish(message())
        assert pokes == [1]

    def test_a_long_transaction_on_a_new_one_keeps_nobody_waiting(
        self, many_writers: None, messages: Messages, aside: Aside
    ) -> None:
        with transaction.atomic():
            publish(message(1))
            aside.start(lambda: publish(message(2))).result(10)
            assert Topic.objects.exists()
        assert Delivery.objects.count() == 2

    def test_one_that_is_known_is_not_looked_up(
        self, messages: Messages, django_assert_num_queries: Any
    ) -> None:
        publish(message())
        with django_assert_num_queries(0):
            know_topics(Topic.Kind.TOPIC, {"orders"})

    def test_one_whose_row_went_comes_back_after_a_while(
        self, messages: Messages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish(message())
        Topic.objects.all().delete()
        publish(message())
        assert not Topic.objects.exists()
        now = time.monotonic()

        class Later:
            @staticmethod
            def monotonic() -> float:
                return now + 61

        monkeypatch.setattr(topics, "time", Later)
        publish(message())
        assert Topic.objects.exists()

    def test_only_so_many_are_remembered(
        self, messages: Messages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(topics, "MAX_KNOWN", 3)
        for number in range(10):
            publish(message(topic=f"t{number}"))
        assert len(topics._known) <= 3
        assert Topic.objects.count() == 10

    def test_a_queue_and_a_topic_of_one_name_are_two(self, messages: Messages) -> None:
        know_topics(Topic.Kind.TOPIC, {"x"})
        know_topics(Topic.Kind.QUEUE, {"x"})
        names = {celery_queue(topic) for topic in Topic.objects.all()}
        assert names == {"iii.x", "iii:x"}
