"""What stands in topics and named queues, for a page that shows many of them.

The number of queries does not depend on the number of topics.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Min, Q

from iii_triggers.models import Delivery, Subscription, Topic
from iii_triggers.models.deliveries import DeliveryQuerySet

from .topics import TRIGGER_TYPE

State = Delivery.State

UNSETTLED = (State.QUEUED, State.RETRY, State.HELD, State.LEASED, State.DEAD)

Key = tuple[str, str]
"""Kind and name of a topic."""


@dataclass(slots=True, kw_only=True)
class Backlog:
    """What a topic or named queue has not settled."""

    counts: dict[str, int] = field(default_factory=dict)
    """State to number of deliveries; states without any are left out."""
    oldest_waiting: datetime | None = None
    """When the oldest delivery that waits to be started was accepted."""
    functions: list[str] = field(default_factory=list)
    """Subscribed functions; a named queue has none."""


def backlogs(topics: Iterable[Topic]) -> dict[Key, Backlog]:
    """Return the backlog of each topic, in two queries."""
    found = {(topic.kind, topic.name): Backlog() for topic in topics}
    names = sorted({name for _kind, name in found})
    _add_counts(found, names)
    subscribed = Subscription.objects.filter(topic__in=names).order_by("function_id")
    for name, function_id in subscribed.values_list("topic", "function_id"):
        if (Topic.Kind.TOPIC, name) in found:
            found[Topic.Kind.TOPIC, name].functions.append(function_id)
    return found


def deliveries_of(topics: Iterable[Topic]) -> DeliveryQuerySet:
    """Return the deliveries of topics and named queues, whatever their state."""
    keys = [(topic.kind, topic.name) for topic in topics]
    named = [name for kind, name in keys if kind == Topic.Kind.QUEUE]
    others = [name for kind, name in keys if kind != Topic.Kind.QUEUE]
    return Delivery.objects.filter(
        Q(topic__in=named, trigger_type="") | Q(topic__in=others, trigger_type=TRIGGER_TYPE)
    )


def in_lanes(lanes: Iterable[str]) -> dict[str, int]:
    """Return how many deliveries without an outcome each lane has."""
    rows = Delivery.objects.unfinished().filter(lane__in=list(lanes)).order_by()
    return dict(rows.values_list("lane").annotate(number=Count("*")))


def _add_counts(found: dict[Key, Backlog], names: Sequence[str]) -> None:
    rows = Delivery.objects.filter(topic__in=names, state__in=UNSETTLED).order_by()
    grouped = rows.values_list("trigger_type", "topic", "state")
    for trigger_type, name, state, number, oldest in grouped.annotate(
        number=Count("*"), oldest=Min("created_at")
    ):
        kind = Topic.Kind.TOPIC if trigger_type else Topic.Kind.QUEUE
        backlog = found.get((kind, name))
        if backlog is not None:
            backlog.counts[state] = backlog.counts.get(state, 0) + number
            if state in (State.QUEUED, State.RETRY):
                known = backlog.oldest_waiting
                backlog.oldest_waiting = min(known, oldest) if known else oldest
