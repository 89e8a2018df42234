"""Retention of the history: what is too old goes, in small batches.

Every process that writes the history prunes it, on the same thread and between its batches; it
needs neither Celery nor beat. On PostgreSQL several processes share the work.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import QuerySet
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.engine.database import DatabaseThread
from iii_triggers.models import Invocation, InvocationPayload, TriggerStat, TypeStat
from iii_triggers.models.ordered_ids import least_id_at

from .compaction import Compaction

BATCH = 1000
NUMBERS_KEPT_S = 8 * 24 * 3600
"""A week and a day; numbers tell nothing of what was in a run, and take little room."""

AnyModel = TypeVar("AnyModel", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Pruning:
    """Deletes what is too old, and makes what is rather old smaller."""

    compaction: Compaction = field(default_factory=Compaction)

    async def run(self, database: DatabaseThread) -> None:
        """Do all there is to do; others get their turns on the thread in between."""
        steps: tuple[Callable[[], object], ...]
        steps = (prune_runs, prune_payloads, prune_numbers, self.compaction.step)
        for step in steps:
            while await database.run(step):
                pass


def prune_runs() -> int:
    """Delete at most ``BATCH`` runs that are too old, with their payloads; return how many."""
    with transaction.atomic():
        ids = _first(Invocation.objects.filter(pk__lt=_least_kept()), "pk")
        InvocationPayload.objects.filter(pk__in=ids).delete()
        Invocation.objects.filter(pk__in=ids).delete()
    return len(ids)


def prune_payloads() -> int:
    """Delete at most ``BATCH`` payloads that old runs left when something else deleted them."""
    return _delete(InvocationPayload.objects.filter(pk__lt=_least_kept()), "pk")


def prune_numbers() -> int:
    """Delete at most ``BATCH`` numbers of each kind that are too old; return how many."""
    bound = timezone.now() - timedelta(seconds=NUMBERS_KEPT_S)
    by_type = _delete(TypeStat.objects.filter(minute__lt=bound), "minute")
    return by_type + _delete(TriggerStat.objects.filter(hour__lt=bound), "hour")


def _least_kept() -> uuid.UUID:
    return least_id_at(timezone.now() - timedelta(seconds=settings.III_HISTORY_RETENTION_S))


def _delete(rows: QuerySet[AnyModel], order: str) -> int:
    with transaction.atomic():
        ids = _first(rows, order)
        rows.model._default_manager.filter(pk__in=ids).delete()
    return len(ids)


def _first(rows: QuerySet[AnyModel], order: str) -> list[Any]:
    """Lock the first rows, but those that another process deletes, and return their keys."""
    ordered = rows.order_by(order).select_for_update(skip_locked=True)
    return list(ordered.values_list("pk", flat=True)[:BATCH])
