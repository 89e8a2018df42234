"""What people do with deliveries: redrive, discard, cancel, hold, release.

All take a queryset and return how many deliveries they changed: those in another state than the
verb is about are left alone, also when that state came just now.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.db import transaction
from django.db.models import DateTimeField, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from iii_triggers.models import Delivery

from .create import send_all
from .resending import next_send_at
from .turns import call_next, lock_limited

AT_ONCE = 500
State = Delivery.State
SUBSCRIBER = Delivery.WaitsFor.SUBSCRIBER


def redrive(deliveries: QuerySet[Delivery]) -> int:
    """Try dead deliveries again, oldest first, with all their attempts."""
    return _in_batches(deliveries.filter(state=State.DEAD), _redrive)


def discard(deliveries: QuerySet[Delivery]) -> int:
    """Give dead deliveries up for good."""
    return _in_batches(deliveries.filter(state=State.DEAD), _discard)


def cancel(deliveries: QuerySet[Delivery]) -> int:
    """End deliveries that wait, are held or are to be retried; what runs is left running."""
    states = (State.QUEUED, State.RETRY, State.HELD)
    return _in_batches(deliveries.filter(state__in=states), _cancel)


def hold(deliveries: QuerySet[Delivery]) -> int:
    """Keep waiting deliveries from running until they are released."""
    return _in_batches(deliveries.filter(state__in=(State.QUEUED, State.RETRY)), _hold)


def release(deliveries: QuerySet[Delivery]) -> int:
    """Let held deliveries run."""
    return _in_batches(deliveries.filter(state=State.HELD), _release)


def _in_batches(deliveries: QuerySet[Delivery], verb: Callable[[list[Delivery]], int]) -> int:
    """Apply a verb to at most AT_ONCE rows in a transaction, oldest first."""
    changed = 0
    ids = list(deliveries.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        with transaction.atomic():
            rows = deliveries.filter(pk__in=ids[start : start + AT_ONCE]).order_by("pk")
            changed += verb(list(rows.select_for_update().defer("payload", "metadata")))
    return changed


def _redrive(rows: list[Delivery]) -> int:
    changed = _of(rows).update(
        state=State.QUEUED,
        attempts=0,
        sends=0,
        run_at=timezone.now(),
        finished_at=None,
        lease_token=None,
        # A later message may have taken the key of one that died.
        idempotency_key="",
    )
    _go_on(rows)
    return changed


def _discard(rows: list[Delivery]) -> int:
    return _of(rows).update(state=State.CANCELLED, finished_at=timezone.now())


def _hold(rows: list[Delivery]) -> int:
    return _of(rows).update(state=State.HELD, send_at=None)


def _cancel(rows: list[Delivery]) -> int:
    lock_limited(rows)
    changed = _of(rows).update(
        state=State.CANCELLED, finished_at=timezone.now(), send_at=None, lease_token=None
    )
    call_next(rows)
    return changed


def _release(rows: list[Delivery]) -> int:
    changed = _of(rows).update(state=State.QUEUED, sends=0)
    _go_on(rows)
    return changed


def _go_on(rows: list[Delivery]) -> None:
    """Send messages for deliveries, but leave those alone that nobody is subscribed to."""
    nobodys = _of(rows).filter(waits_for=SUBSCRIBER)
    nobodys.update(send_at=None, away_since=timezone.now())
    others = _of(rows).exclude(waits_for=SUBSCRIBER)
    send_at = Greatest("run_at", Value(next_send_at(), output_field=DateTimeField()))
    others.update(waits_for="", send_at=send_at, away_since=None)
    due = others.filter(run_at__lte=timezone.now()).order_by("pk").values_list("queue", "pk")
    messages = [(queue, str(pk)) for queue, pk in due]
    transaction.on_commit(partial(send_all, messages), robust=True)


def _of(rows: list[Delivery]) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk__in=[row.pk for row in rows])
