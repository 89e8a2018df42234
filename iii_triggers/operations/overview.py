"""How the engine stands: what the dashboard and ``iii_status`` show.

Every function here is one query. None reads a big table: rows are counted by an index, and only up
to ``MAX_COUNTED``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Count,
    DateTimeField,
    IntegerField,
    QuerySet,
    Subquery,
    Sum,
    Value,
    Window,
)
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.engine.history.traffic import TypeTraffic, traffic
from iii_triggers.models import Delivery, Function, Node, Trigger, Worker
from iii_triggers.trigger_types.cron.rows import TYPE_ID as CRON

from .spans import Span

MAX_COUNTED = 10_000
REPLICAS = 5
"""Of each firing so many identical triggers are expected; with more, fewer firings are found."""

State = Delivery.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of ours."""

    node: Node
    heartbeat_age_s: float
    is_alive: bool
    """Whether the last heartbeat is younger than ``III_NODE_TIMEOUT_S``."""
    workers: int = 0
    """How many workers are connected to it."""
    in_flight: int = 0
    """How many runs these have not answered, as of its last heartbeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """The workers that are connected."""

    count: int = 0
    in_flight: int = 0
    """Runs that they have not answered, when they were last looked at."""
    newest: tuple[Worker, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Deliveries without a good end; each number is at most ``MAX_COUNTED`` + 1."""

    waiting: int = 0
    running: int = 0
    retrying: int = 0
    held: int = 0
    dead: int = 0
    oldest_waiting: datetime | None = None
    """When the oldest that waits or is to be retried was accepted."""
    due_since: datetime | None = None
    """Since when one waits to be noticed by a process that runs deliveries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """The next time that a cron trigger fires."""

    trigger: Trigger
    at: datetime


def runs(span: Span, now: datetime) -> list[TypeTraffic]:
    """Return the runs that ended in a span, by trigger type, with a point for each stretch."""
    until = now + timedelta(minutes=1)  # the numbers of this minute too
    return traffic(since=span.starts(now)[0], until=until, bucket_s=span.stretch_s)


def processes() -> list[Process]:
    """Return the processes that have a row, by host and process id."""
    now = timezone.now()
    rows: Any = Node.objects.annotate(
        workers_=Count("workers"), in_flight_=Sum("workers__in_flight", default=0)
    )
    return [_process(node, now) for node in rows.order_by("host", "pid")]


def workers(*, newest: int = 5) -> Workers:
    """Return how many workers there are, and those that connected last."""
    everywhere = Worker.objects.annotate(
        workers_=Window(Count("*")), in_flight_=Window(Sum("in_flight"))
    )
    rows: list[Any] = list(everywhere.order_by("-connected_at")[:newest])
    if not rows:
        return Workers()
    return Workers(count=rows[0].workers_, in_flight=rows[0].in_flight_, newest=tuple(rows))


def function_count() -> int:
    """Return how many functions can be called now, at most ``MAX_COUNTED`` + 1."""
    known = Function.objects.order_by().values("namespace", "function_id").distinct()
    return known[: MAX_COUNTED + 1].count()


def triggers_by_state() -> dict[str, int]:
    """Return how many triggers there are in each state, in the order of the states."""
    rows = Trigger.objects.order_by().values_list("enabled", "state")
    counts = dict.fromkeys(Trigger.State.values, 0)
    for enabled, state, number in rows.annotate(number=Count("*")):
        counts[state if enabled else Trigger.State.DISABLED.value] += number
    return counts


def backlog() -> Backlog:
    """Return how many deliveries wait, run and are dead."""
    waiting = Delivery.objects.waiting()
    columns = {
        "waiting": _count(Delivery.objects.filter(state=State.QUEUED)),
        "running": _count(Delivery.objects.running()),
        "retrying": _count(Delivery.objects.filter(state=State.RETRY)),
        "held": _count(Delivery.objects.filter(state=State.HELD)),
        "dead": _count(Delivery.objects.dead()),
        "oldest_queued": _first_time(
            Delivery.objects.filter(state=State.QUEUED).order_by("id"), "created_at"
        ),
        "oldest_retry": _first_time(
            Delivery.objects.filter(state=State.RETRY).order_by("id"), "created_at"
        ),
        "due_since": _first_time(
            waiting.filter(send_at__isnull=False).order_by("send_at"), "send_at"
        ),
    }
    # One row carries the answers of all these subqueries; without any row there is nothing to tell.
    carrier: Any = Delivery.objects.order_by().values(**columns)
    facts = carrier.first()
    if facts is None:
        return Backlog()
    oldest = [facts.pop("oldest_queued"), facts.pop("oldest_retry")]
    return Backlog(**facts, oldest_waiting=min(filter(None, oldest), default=None))


def next_firings(number: int = 5) -> list[Firing]:
    """Return the cron triggers that fire next, each once; identical ones act as one."""
    rows = Trigger.objects.enabled().filter(trigger_type=CRON, next_fire_at__isnull=False)
    soonest = rows.order_by("next_fire_at", "pk")[: number * REPLICAS]
    return list(_different(soonest))[:number]


def _process(node: Any, now: datetime) -> Process:
    age = now - node.heartbeat_at
    return Process(
        node=node,
        heartbeat_age_s=max(age.total_seconds(), 0.0),
        is_alive=age < timedelta(seconds=settings.III_NODE_TIMEOUT_S),
        workers=node.workers_,
        in_flight=node.in_flight_,
    )


def _different(rows: Iterable[Trigger]) -> Iterator[Firing]:
    seen: set[str] = set()
    for row in rows:
        identity = row.identity or str(row.pk)
        if identity not in seen and row.next_fire_at is not None:
            seen.add(identity)
            yield Firing(trigger=row, at=row.next_fire_at)


class _Count(Subquery):
    """How many rows a query has."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def _count(rows: QuerySet[Any]) -> _Count:
    return _Count(rows.order_by().values(one=Value(1))[: MAX_COUNTED + 1])


def _first_time(rows: QuerySet[Any], field: str) -> Subquery:
    return Subquery(rows.values(field)[:1], output_field=DateTimeField())
