"""Following the history: which runs have ended since one last looked.

Ids sort by the start of a run, and its row comes when it ends, or after a second as one that runs
(``iii_triggers.engine.history``). So what is new need not have the greatest id. Each look goes back
a while before the last one and leaves out what it has seen; a run that has a row before it ends is
remembered until it does.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.models import Invocation
from iii_triggers.models.invocations import InvocationQuerySet
from iii_triggers.models.ordered_ids import least_id_at

OVERLAP = timedelta(seconds=15)
"""A row is there that long after its run started: a second, the pause between writes, and margin
for clocks that differ and for a history that is behind."""
LONGEST = timedelta(hours=1)
"""Where only failures are kept, the row of a long run comes as late as its end."""
LONG_MS = OVERLAP.total_seconds() * 1000 / 2
MAX_RUNNING = 10_000
PAGE = 500
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

Status = Invocation.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which runs are followed; empty for all."""

    function_id: str = ""
    trigger_id: str = ""
    status: str = ""

    def rows(self) -> InvocationQuerySet:
        """Return the rows of this function and trigger, whatever their status."""
        wanted = {"function_id": self.function_id, "trigger_id": self.trigger_id}
        return Invocation.objects.filter(**{key: value for key, value in wanted.items() if value})

    def shown(self) -> InvocationQuerySet:
        """Return the rows that are shown: of all statuses, those that have ended."""
        if self.status:
            return self.rows().with_status(self.status)
        return self.rows().exclude(status=Status.RUNNING)


@dataclass(slots=True, kw_only=True)
class Follower:
    """Finds runs, each once: when it has ended, or when it runs if those are asked for."""

    filters: Filters
    _looked_at: datetime = NEVER
    _behind: timedelta = timedelta()
    """For how long nobody looked, while the history may not be complete again because of that."""
    _behind_until: datetime = NEVER
    _seen: set[uuid.UUID] = field(default_factory=set)
    """What was shown, as far back as a look goes."""
    _running: set[uuid.UUID] = field(default_factory=set)

    def begin(self, *, since: datetime | None, at_most: int | None) -> Iterator[Invocation]:
        """Yield what is there, oldest first: the newest ``at_most`` that started from ``since`` on.

        What comes later, or has not ended, is left to ``look``. Raise DatabaseError.
        """
        self._looked_at = timezone.now()
        floor = self._floor(self._looked_at)
        self._running = self._running_now()
        self._seen = self._ended_lately(floor)
        rows = self.filters.shown()
        if since is not None:
            rows = rows.filter(pk__gte=least_id_at(since))
        least = least_id_at(floor)
        for run in _oldest_first(rows, at_most):
            if run.pk >= least or run.pk in self._running:
                self._seen.add(run.pk)
            yield run

    def look(self) -> list[Invocation]:
        """Return what is new since ``begin`` or the last look, in the order in which it ended.

        Raise DatabaseError; the next look then goes back further.
        """
        now = timezone.now()
        floor = self._floor(now)
        running = self._running_now()  # first: what ends meanwhile is found by the second query
        if self.filters.status == Status.RUNNING:
            news = running - self._running
        else:
            news = self._ended_lately(floor) | (self._running - running)
        found = self._fetch(news - self._seen)
        self._running, self._looked_at = running, now
        self._seen.update(run.pk for run in found)
        least = least_id_at(floor - LONGEST if _keeps_failures_only() else floor)
        self._seen = {one for one in self._seen if one >= least}
        return sorted(found, key=_ended_at)

    def _floor(self, now: datetime) -> datetime:
        """Return from when on runs are looked at.

        After a time without the database the history is written bit by bit.
        """
        gap = now - self._looked_at
        if gap > OVERLAP:
            self._behind, self._behind_until = gap, now + OVERLAP
        return now - OVERLAP - max(gap, self._behind if now < self._behind_until else gap)

    def _running_now(self) -> set[uuid.UUID]:
        rows = self.filters.rows().running().order_by("-id")
        return set(rows.values_list("pk", flat=True)[:MAX_RUNNING])

    def _ended_lately(self, floor: datetime) -> set[uuid.UUID]:
        """Return the ids of what has ended, as far back as something new may be."""
        ended = self.filters.shown().order_by().values_list("pk", flat=True)
        least = least_id_at(floor)
        found = set(ended.filter(pk__gte=least))
        if _keeps_failures_only():
            # They may be as old as they took, which few of them do.
            old = ended.filter(pk__gte=least_id_at(floor - LONGEST), pk__lt=least)
            found.update(old.filter(status=Status.FAILED, duration_ms__gte=LONG_MS))
        return found

    def _fetch(self, ids: Iterable[uuid.UUID]) -> list[Invocation]:
        wanted = list(ids)
        found: list[Invocation] = []
        for start in range(0, len(wanted), PAGE):
            found += self.filters.shown().filter(pk__in=wanted[start : start + PAGE])
        return found


def _keeps_failures_only() -> bool:
    return settings.III_HISTORY == "failures"


def _oldest_first(rows: QuerySet[Any], at_most: int | None) -> Iterator[Any]:
    """Yield the newest rows, the oldest of them first, a page at a time."""
    ordered = rows.order_by("id")
    if at_most is not None:
        newest = rows.order_by("-id").values_list("pk", flat=True)
        ids = list(newest[:at_most])
        if not ids:
            return
        ordered = ordered.filter(pk__gte=ids[-1])
    page = list(ordered[:PAGE])
    while page:
        yield from page
        page = list(ordered.filter(pk__gt=page[-1].pk)[:PAGE])


def _ended_at(run: Invocation) -> datetime:
    return run.started_at + timedelta(milliseconds=run.duration_ms or 0.0)
