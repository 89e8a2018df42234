"""Retention: deliveries that are done go after a while, in small batches."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.models import Delivery, Lane
from iii_triggers.models.deliveries import UNFINISHED

from .turns import past_others

BATCH = 1000

State = Delivery.State
DONE = (State.SUCCEEDED, State.SKIPPED, State.CANCELLED)


def prune() -> int:
    """Delete what is older than the retention of its state; return how many."""
    now = timezone.now()
    done = now - timedelta(seconds=settings.III_DELIVERY_RETENTION_S)
    dead = now - timedelta(seconds=settings.III_DEAD_RETENTION_S)
    pruned = _delete(Delivery.objects.filter(state__in=DONE, finished_at__lt=done))
    pruned += _delete(Delivery.objects.filter(state=State.DEAD, finished_at__lt=dead))
    _delete_unused_lanes()
    return pruned


def _delete(rows: QuerySet[Delivery]) -> int:
    """Delete in batches: one long DELETE would keep every writer of SQLite waiting."""
    deleted = 0
    oldest = rows.order_by("finished_at").values_list("pk", flat=True)
    while ids := list(oldest[:BATCH]):
        deleted += Delivery.objects.filter(pk__in=ids, state__in=(*DONE, State.DEAD)).delete()[0]
    return deleted


def _delete_unused_lanes() -> None:
    """Delete locks that nobody needs or holds: who needs one again makes it."""
    in_lane = Delivery.objects.filter(state__in=UNFINISHED, lane=OuterRef("name"))
    with transaction.atomic():
        unused = past_others(Lane.objects.filter(~Exists(in_lane)).order_by("name"))
        Lane.objects.filter(name__in=[lane.name for lane in unused[:BATCH]]).delete()
