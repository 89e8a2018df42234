"""What stands in topics and named queues, for people and for ``engine::queue::*``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count

from iii_triggers.models import Delivery, Subscription, Topic

from .named_queues import named_queue_names

State = Delivery.State


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicStats:
    """One topic or named queue."""

    kind: str
    name: str
    waiting: int = 0
    """Accepted and not started, also when held or before a retry."""
    running: int = 0
    dead: int = 0
    subscriptions: int = 0
    """Functions that get its messages; 0 for a named queue."""


def all_topics() -> list[TopicStats]:
    """Return every topic and named queue, by name."""
    keys = {(row.kind, row.name) for row in Topic.objects.all()}
    keys |= {(Topic.Kind.QUEUE.value, name) for name in named_queue_names()}
    counts, subscribers = _counts(), _subscribers()
    return [
        _stats(kind, name, counts, subscribers)
        for kind, name in sorted(keys, key=lambda key: (key[1], key[0]))
    ]


def topic_stats(name: str) -> TopicStats:
    """Return a topic, or the named queue of that name where there is no such topic."""
    named = not Topic.objects.filter(kind=Topic.Kind.TOPIC, name=name).exists()
    kind = Topic.Kind.QUEUE if named and name in named_queue_names() else Topic.Kind.TOPIC
    return _stats(kind, name, _counts(name), _subscribers(name))


def _counts(name: str | None = None) -> Counter[tuple[bool, str, str]]:
    """Count by topic and state; the flag tells named queues from topics."""
    rows = (
        Delivery.objects.exclude(topic="") if name is None else Delivery.objects.filter(topic=name)
    )
    unsettled = rows.filter(
        state__in=[State.QUEUED, State.RETRY, State.HELD, State.LEASED, State.DEAD]
    )
    counted = (
        unsettled.order_by().values_list("trigger_type", "topic", "state").annotate(n=Count("pk"))
    )
    counts: Counter[tuple[bool, str, str]] = Counter()
    for trigger_type, topic, state, number in counted:
        counts[trigger_type == "", topic, state] += number
    return counts


def _subscribers(name: str | None = None) -> Counter[str]:
    rows = Subscription.objects.all() if name is None else Subscription.objects.filter(topic=name)
    return Counter(dict(rows.order_by().values_list("topic").annotate(n=Count("pk"))))


def _stats(
    kind: str, name: str, counts: Counter[tuple[bool, str, str]], subscribers: Counter[str]
) -> TopicStats:
    is_named = kind == Topic.Kind.QUEUE
    waiting = sum(
        counts[is_named, name, state] for state in (State.QUEUED, State.RETRY, State.HELD)
    )
    return TopicStats(
        kind=str(kind),
        name=name,
        waiting=waiting,
        running=counts[is_named, name, State.LEASED],
        dead=counts[is_named, name, State.DEAD],
        subscriptions=0 if is_named else subscribers[name],
    )
