"""Turns: when a delivery of a limited lane ends, the next one of the lane gets a message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from iii_triggers.models import Delivery

from .claims import is_limited, lock_lanes
from .create import send_all
from .resending import next_send_at


def lock_limited(rows: Iterable[Delivery]) -> None:
    """Lock the lanes of limited deliveries, before their outcomes are written.

    A claim that finds no room in a lane holds this lock until it has noted that: whoever ends
    after it sees who waits.
    """
    lanes = {row.lane for row in rows if is_limited(row)}
    if lanes:
        lock_lanes(lanes)


def call_next(rows: Iterable[Delivery]) -> None:
    """Call who waits for the places that these deliveries leave; in their transaction."""
    left: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.policy.get("concurrency"):
            left[row.lane, ""] += 1
        elif row.ordering_key:
            left[row.lane, row.ordering_key] = 1
    for (lane, key), places in left.items():
        call_waiting(lane, key=key, places=places)


def call_waiting(lane: str, *, key: str = "", places: int) -> int:
    """Send messages for the deliveries of a lane, or one key of it, that are next; return a count.

    One that finds no place after all waits again.
    """
    waiting = Delivery.objects.waiting().filter(
        lane=lane, waits_for=Delivery.WaitsFor.TURN, run_at__lte=timezone.now()
    )
    if key:
        waiting = waiting.filter(ordering_key=key)
    picked = list(_first_of_their_keys(waiting)[:places])
    if picked:
        ids = [row.pk for row in picked]
        waiting.filter(pk__in=ids).update(waits_for="", send_at=next_send_at())
        due = [(row.queue, str(row.pk)) for row in picked]
        transaction.on_commit(partial(send_all, due), robust=True)
    return len(picked)


def _first_of_their_keys(waiting: QuerySet[Delivery]) -> QuerySet[Delivery]:
    earlier = (
        Delivery.objects.unfinished()
        .filter(lane=OuterRef("lane"), ordering_key=OuterRef("ordering_key"), pk__lt=OuterRef("pk"))
        .exclude(ordering_key="")
    )
    rows = waiting.exclude(Exists(earlier)).order_by("pk").only("pk", "queue")
    if connection.features.has_select_for_update_skip_locked:
        # One that is being claimed sees the place itself: the claim waits for the lane.
        rows = rows.select_for_update(skip_locked=True)
    return rows
