"""Compaction: what happened hours ago is told by quarters of an hour, not by minutes.

A day has at most 96 stretches then, whoever plots it, and a week fits beside it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction

from iii_triggers.models import TypeStat

from .numbers import Numbers
from .writing import write

FINE_S = 90 * 60
"""How long the numbers of each minute are kept."""
COARSE_MINUTES = 15

_COARSE = timedelta(minutes=COARSE_MINUTES)


@dataclass(slots=True)
class Compaction:
    """Goes forward through the numbers; each stretch is looked at once."""

    _done_until: int = 0
    """Minutes since the epoch."""

    def step(self) -> bool:
        """Make one of the minutes of the next old stretch; tell whether there was one."""
        end = int(time.time() - FINE_S) // 60
        fine = TypeStat.objects.filter(minute__gte=_moment(self._done_until))
        oldest = fine.order_by("minute").values_list("minute", flat=True).first()
        begin = _stretch_of(oldest) if oldest is not None else end
        if begin + COARSE_MINUTES > end:
            return False
        _add_up(begin)
        self._done_until = begin + COARSE_MINUTES
        return True


def _add_up(begin: int) -> None:
    """Move numbers to the first minute of their stretch; what others add meanwhile stays too."""
    start = _moment(begin)
    later = TypeStat.objects.filter(minute__gt=start, minute__lt=start + _COARSE)
    with transaction.atomic():
        rows = list(later.select_for_update().order_by("pk"))
        sums = Numbers()
        for row in rows:
            key = (begin, row.trigger_type, row.failed, row.bucket)
            sums.by_type[key] = sums.by_type.get(key, 0) + row.count
        later.filter(pk__in=[row.pk for row in rows]).delete()
        write((), sums)


def _stretch_of(minute: datetime) -> int:
    minutes = int(minute.timestamp()) // 60
    return minutes - minutes % COARSE_MINUTES


def _moment(minutes: int) -> datetime:
    return datetime.fromtimestamp(minutes * 60, UTC)
