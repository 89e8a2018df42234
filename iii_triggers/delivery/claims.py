"""Claiming: one conditional UPDATE with a fencing token decides who runs a delivery.

Attempts are counted here, before the function starts, so that one which takes its process down
is given up in the end.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.engine.durability import do_not_wait_for_disk
from iii_triggers.models import Delivery, Lane

from .policy import Policy

MARGIN_S = 30.0
"""How much longer than the attempt a lease is, so that the outcome can be written."""


def claim(ids: Sequence[str], *, node_id: str) -> list[Delivery]:
    """Lease those of the deliveries that can run now, and return them with their lease.

    Left out are those that somebody else has, that have an outcome, that are not due, and those
    whose lane has no room: they get a message when it is their turn.
    """
    now = timezone.now()
    with transaction.atomic():
        do_not_wait_for_disk()
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
    longest = max(Policy.of(row.policy).timeout_s for row in rows) + MARGIN_S
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
    lanes = {row.lane for row in rows}
    lock_lanes(lanes)
    running = Delivery.objects.running().filter(lane__in=lanes).order_by()
    taken = list(running.values_list("lane", "ordering_key"))
    blocked = _out_of_order(rows, set(taken))
    free = [row for row in rows if row.pk not in blocked]
    return blocked | _over_limit(free, Counter(lane for lane, _ in taken))


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


def _out_of_order(rows: Sequence[Delivery], running: set[tuple[str, str]]) -> set[uuid.UUID]:
    """Return those that are not the oldest unfinished delivery of their key, or one of it runs.

    A dead delivery that is tried again is older than the one that runs.
    """
    ordered = [row for row in rows if row.ordering_key]
    if not ordered:
        return set()
    busy = {row.pk for row in ordered if (row.lane, row.ordering_key) in running}
    same_key = {"lane": OuterRef("lane"), "ordering_key": OuterRef("ordering_key")}
    earlier = Delivery.objects.unfinished().filter(**same_key, pk__lt=OuterRef("pk"))
    later = Delivery.objects.filter(Exists(earlier), pk__in=[row.pk for row in ordered])
    return busy.union(later.values_list("pk", flat=True))


def _over_limit(rows: Sequence[Delivery], running: Counter[str]) -> set[uuid.UUID]:
    """Return those for which no place is left in their lane, the newest."""
    blocked = set()
    for row in rows:
        limit = _concurrency(row)
        if limit and running[row.lane] >= limit:
            blocked.add(row.pk)
        else:
            running[row.lane] += 1
    return blocked


def _park(ids: Sequence[uuid.UUID]) -> None:
    if ids:
        Delivery.objects.waiting().filter(pk__in=ids).update(
            waits_for=Delivery.WaitsFor.TURN, send_at=None
        )


def _concurrency(row: Delivery) -> int | None:
    limit: int | None = (row.policy or {}).get("concurrency")
    return limit
