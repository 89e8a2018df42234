"""Topics and named queues in figures, as ``engine::queue::*`` tells them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from iii_triggers.models import Delivery, Topic

from .named_queues import named_queue_names
from .overview import Backlog, backlogs

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
    keys = set(Topic.objects.values_list("kind", "name"))
    keys |= {(Topic.Kind.QUEUE.value, name) for name in named_queue_names()}
    return _stats(sorted(keys, key=lambda key: (key[1], key[0])))


def topic_stats(name: str) -> TopicStats:
    """Return a topic, or the named queue of that name where there is no such topic."""
    is_topic = Topic.objects.filter(kind=Topic.Kind.TOPIC, name=name).exists()
    is_named = not is_topic and name in named_queue_names()
    kind = Topic.Kind.QUEUE if is_named else Topic.Kind.TOPIC
    return _stats([(kind.value, name)])[0]


def _stats(keys: Iterable[tuple[str, str]]) -> list[TopicStats]:
    found = backlogs(Topic(kind=kind, name=name) for kind, name in keys)
    return [_of(kind, name, backlog) for (kind, name), backlog in found.items()]


def _of(kind: str, name: str, backlog: Backlog) -> TopicStats:
    counts = backlog.counts
    return TopicStats(
        kind=kind,
        name=name,
        waiting=sum(counts.get(state, 0) for state in (State.QUEUED, State.RETRY, State.HELD)),
        running=counts.get(State.LEASED, 0),
        dead=counts.get(State.DEAD, 0),
        subscriptions=len(backlog.functions),
    )
