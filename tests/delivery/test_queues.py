"""Names of Celery queues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.delivery.queues import (
    MAX_BYTES,
    is_queue_name,
    known_queues,
    listen,
    named_queue,
    poke,
    topic_queue,
)
from iii_triggers.models import Subscription, Topic


def test_a_topic_has_a_queue_of_its_own() -> None:
    assert topic_queue("orders.created") == "iii.orders.created"
    assert named_queue("orders.created") == "iii:orders.created"


@override_settings(III_TOPIC_QUEUES={"orders": "slow", "returns": "slow"})
def test_the_site_maps_topics_to_queues() -> None:
    assert (topic_queue("orders"), topic_queue("returns")) == ("slow", "slow")
    assert topic_queue("others") == "iii.others"


@pytest.mark.parametrize("name", ["x" * 255, "é" * 255, "🦊" * 255, "a" * 99 + "é" * 100])
def test_a_long_name_is_shortened_to_what_brokers_take(name: str) -> None:
    queues = {topic_queue(name), topic_queue(name[:-1] + "!"), named_queue(name)}
    assert len(queues) == 3
    assert all(len(queue.encode()) <= MAX_BYTES for queue in queues)
    assert topic_queue(name) == topic_queue(name)


@pytest.mark.parametrize(
    ("name", "is_right"),
    [("iii", True), ("a" * 255, True), ("a" * 256, False), ("", False), ("amq.x", False)],
)
def test_not_every_text_is_a_queue(name: str, is_right: bool) -> None:
    assert is_queue_name(name) == is_right


@override_settings(III_QUEUES={"emails": {}}, III_TOPIC_QUEUES={"b": "slow"})
def test_workers_consume_what_is_configured_and_what_was_used(transactional_db: None) -> None:
    expected = {"iii", "iii:default", "iii:emails"}
    assert known_queues() == expected
    Topic.objects.create(name="a")
    Topic.objects.create(name="b")
    Topic.objects.create(name="gone", kind=Topic.Kind.QUEUE)
    assert known_queues() == expected | {"iii.a", "slow", "iii:gone"}


def test_workers_consume_what_is_subscribed_even_before_the_topic_has_its_row(
    transactional_db: None, django_assert_num_queries: Any
) -> None:
    Topic.objects.create(name="a")
    for number, name in enumerate("aab"):
        Subscription.objects.create(identity=str(number), topic=name, function_id="f")
    with django_assert_num_queries(1):
        assert known_queues() == {"iii", "iii:default", "iii.a", "iii.b"}


@pytest.fixture
def pokes() -> Iterator[list[str]]:
    """What listeners heard."""
    pokes: list[str] = []
    end = listen(lambda: pokes.append("poke"))
    yield pokes
    end()
    poke()
    assert pokes == ["poke"]


def test_listeners_hear_of_new_topics_until_they_end(pokes: list[str]) -> None:
    poke()
    assert pokes == ["poke"]
