"""Claiming: one conditional UPDATE with a fencing token decides who runs a delivery.

Attempts are counted here, before the function starts, so that one which takes its process down
is given up in the end.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.models import Delivery, Lane

from .policy import Policy


def claim(ids: Sequence[str], *, node_id: str) -> list[Delivery]:
    """Lease those of the deliveries that can run now, and return them with their lease.

    Left out are those that somebody else has, that have an outcome, that are not due, and those
    whose lane has no room: they get a message when it is their turn.
    """
    now = timezone.now()
    with transaction.atomic():
        rows = _candidates(ids, now)
        limited = [row for row in rows if is_limited(row)]
        blocked = _blocked(limited) if limited else set()
        _park([row.pk for row in limited if row.pk in blocked])
        return _lease([row for row in rows if row.pk not in blocked], node_id=node_id, now=now)


def is_limited(row: Delivery) -> bool:
    """Tell whether a delivery may have to wait for others of its lane."""
    return bool(row.ordering_key or _concurrency(row))


def _candidates(ids: Sequence[str], now: datetime) -> list[Delivery]:
    rows = Delivery.objects.waiting().filter(pk__in=ids, run_at__lte=now)
    rows = rows.exclude(waits_for=Delivery.WaitsFor.SUBSCRIBER).order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        # In one order, and past what others are about to change: claims never deadlock.
        rows = rows.select_for_update(skip_locked=True)
    return list(rows)


def _lease(rows: Sequence[Delivery], *, node_id: str, now: datetime) -> list[Delivery]:
    if not rows:
        return []
    token = uuid.uuid4()
    longest = max(Policy.of(row.policy).timeout_s for row in rows)
    until = now + timedelta(seconds=max(settings.III_LEASE_S, longest))
    claimed = Delivery.objects.waiting().filter(pk__in=[row.pk for row in rows])
    count = claimed.update(
        state=Delivery.State.LEASED,
        waits_for=Delivery.WaitsFor.NOTHING,
        lease_token=token,
        leased_until=until,
        node_id=node_id,
        attempts=F("attempts") + 1,
        started_at=now,
        send_at=None,
    )
    won = rows if count == len(rows) else _won(rows, token)
    for row in won:
        row.state, row.lease_token, row.node_id = Delivery.State.LEASED, token, node_id
        row.attempts += 1
    return list(won)


def _won(rows: Sequence[Delivery], token: uuid.UUID) -> list[Delivery]:
    ids = Delivery.objects.filter(lease_token=token, pk__in=[row.pk for row in rows])
    mine = set(ids.values_list("pk", flat=True))
    return [row for row in rows if row.pk in mine]


def _blocked(rows: Sequence[Delivery]) -> set[uuid.UUID]:
    """Return which of the deliveries of limited lanes have no room, with the lanes locked."""
    by_lane: dict[str, list[Delivery]] = defaultdict(list)
    for row in rows:
        by_lane[row.lane].append(row)
    lock_lanes(by_lane)
    blocked: set[uuid.UUID] = set()
    for lane, waiting in by_lane.items():
        blocked |= _out_of_order(lane, waiting)
        free = [row for row in waiting if row.pk not in blocked]
        blocked |= _over_limit(lane, free)
    return blocked


def lock_lanes(names: Iterable[str]) -> None:
    """Hold the locks of lanes until the end of the transaction, taken in one order."""
    wanted = sorted(names)
    found = set(_locked(wanted))
    missing = [name for name in wanted if name not in found]
    if missing:
        Lane.objects.bulk_create([Lane(name=name) for name in missing], ignore_conflicts=True)
        _locked(wanted)


def _locked(names: Sequence[str]) -> list[str]:
    rows = Lane.objects.select_for_update().filter(name__in=names).order_by("name")
    return [row.name for row in rows]


def _out_of_order(lane: str, rows: Sequence[Delivery]) -> set[uuid.UUID]:
    """Return those that are not the oldest unfinished delivery of their key."""
    blocked = set()
    for key in {row.ordering_key for row in rows if row.ordering_key}:
        same = Delivery.objects.unfinished().filter(lane=lane, ordering_key=key)
        first = same.order_by("pk").values_list("pk", flat=True).first()
        blocked |= {row.pk for row in rows if row.ordering_key == key and row.pk != first}
    return blocked


def _over_limit(lane: str, rows: Sequence[Delivery]) -> set[uuid.UUID]:
    """Return those for which no place is left in the lane."""
    limits = [limit for limit in map(_concurrency, rows) if limit]
    if not limits:
        return set()
    running = Delivery.objects.running().filter(lane=lane).count()
    return {row.pk for row in rows[max(min(limits) - running, 0) :]}


def _park(ids: Sequence[uuid.UUID]) -> None:
    if ids:
        Delivery.objects.waiting().filter(pk__in=ids).update(
            waits_for=Delivery.WaitsFor.TURN, send_at=None
        )


def _concurrency(row: Delivery) -> int | None:
    limit: int | None = (row.policy or {}).get("concurrency")
    return limit
