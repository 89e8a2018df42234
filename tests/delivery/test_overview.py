"""What stands in topics and named queues."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from iii_triggers.delivery.overview import backlogs, deliveries_of, in_lanes
from iii_triggers.models import Delivery, Subscription, Topic
from tests.admin.deliveries import make


def test_backlogs_tell_topics_from_queues_in_two_queries(
    db: None, django_assert_num_queries: Any
) -> None:
    topic = Topic.objects.create(name="orders")
    queue = Topic.objects.create(name="orders", kind="queue")
    Subscription.objects.create(topic="orders", function_id="f", trigger_id="t")
    old = make(age=timedelta(days=1), state="retry")
    for state in ("queued", "leased", "dead", "succeeded"):
        make(state=state)
    make(trigger_type="", state="held")
    make(topic="other")
    with django_assert_num_queries(2):
        found = backlogs([topic, queue])
    of_topic, of_queue = found["topic", "orders"], found["queue", "orders"]
    assert of_topic.counts == {"queued": 1, "leased": 1, "dead": 1, "retry": 1}
    assert (of_topic.oldest_waiting, of_topic.functions) == (old.created_at, ["f"])
    assert (of_queue.counts, of_queue.oldest_waiting) == ({"held": 1}, None)
    assert of_queue.functions == []


def test_deliveries_of_a_topic_are_not_those_of_the_queue_of_its_name(db: None) -> None:
    topic = Topic.objects.create(name="orders")
    queue = Topic.objects.create(name="orders", kind="queue")
    published, called = make(), make(trigger_type="")
    make(topic="other")
    assert list(deliveries_of([topic])) == [published]
    assert list(deliveries_of([queue])) == [called]
    assert set(deliveries_of([topic, queue])) == {published, called}
    assert list(deliveries_of([])) == []


def test_lanes_are_counted_while_they_are_not_finished(db: None) -> None:
    for state in Delivery.State.values:
        make(lane="a", state=state)
    make(lane="b")
    assert in_lanes(["a", "c"]) == {"a": 4}


def test_a_topic_and_a_named_queue_of_one_name_share_nothing(db: None) -> None:
    queue = Topic.objects.create(name="orders", kind=Topic.Kind.QUEUE)
    Subscription.objects.create(identity="i", topic="orders", function_id="f")
    make(topic="orders", trigger_type="queue")
    backlog = backlogs([queue])[queue.kind, queue.name]
    assert (backlog.counts, backlog.functions, backlog.oldest_waiting) == ({}, [], None)
