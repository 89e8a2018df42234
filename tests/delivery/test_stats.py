"""What stands in topics and named queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.delivery.stats import TopicStats, all_topics, topic_stats
from iii_triggers.models import Delivery, Subscription, Topic

Make = Callable[..., Delivery]


@pytest.fixture
def fill(make: Make) -> Callable[..., None]:
    """Make one delivery of a topic in each state."""

    def fill(topic: str, *, trigger_type: str = "queue", times: int = 1) -> None:
        for state in list(Delivery.State) * times:
            row = make(topic=topic, trigger_type=trigger_type)
            Delivery.objects.filter(pk=row.pk).update(state=state)

    return fill


def topic(name: str, **facts: Any) -> TopicStats:
    return TopicStats(kind="topic", name=name, **facts)


def queue(name: str, **facts: Any) -> TopicStats:
    return TopicStats(kind="queue", name=name, **facts)


def test_counts_what_is_not_settled(fill: Callable[..., None]) -> None:
    Topic.objects.create(name="orders")
    Subscription.objects.create(identity="i", topic="orders", function_id="f")
    Subscription.objects.create(identity="j", topic="orders", function_id="g")
    fill("orders", times=2)
    fill("others")
    expected = topic("orders", waiting=6, running=2, dead=2, subscriptions=2)
    assert topic_stats("orders") == expected
    assert expected in all_topics()


def test_an_unknown_topic_is_empty(make: Make) -> None:
    assert topic_stats("unknown") == topic("unknown")


@override_settings(III_QUEUES={"emails": {}})
def test_named_queues_are_told_from_topics_of_the_same_name(fill: Callable[..., None]) -> None:
    fill("emails", trigger_type="")
    assert topic_stats("emails") == queue("emails", waiting=3, running=1, dead=1)
    Topic.objects.create(name="emails")
    assert topic_stats("emails") == topic("emails")
    assert all_topics() == [
        queue("default"),
        queue("emails", waiting=3, running=1, dead=1),
        topic("emails"),
    ]


def test_a_queue_that_was_used_and_is_configured_no_more_is_listed(make: Make) -> None:
    Topic.objects.create(name="gone", kind=Topic.Kind.QUEUE)
    assert [(row.kind, row.name) for row in all_topics()] == [
        ("queue", "default"),
        ("queue", "gone"),
    ]


def test_what_has_no_topic_is_not_counted(make: Make) -> None:
    make()
    assert all_topics() == [queue("default")]


def test_the_number_of_queries_does_not_depend_on_the_topics(
    make: Make, django_assert_num_queries: Any
) -> None:
    for number in range(10):
        Topic.objects.create(name=f"t{number}")
        make(topic=f"t{number}", trigger_type="queue")
    with django_assert_num_queries(3):
        assert len(all_topics()) == 11
