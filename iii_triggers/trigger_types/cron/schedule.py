"""Schedules: a cron expression in a time zone, and the instants at which it fires.

What happens when the clock changes depends on the hours of the expression (docs/cron.md):

* Limited to some hours, its slots are wall-clock times. One in a gap fires at the first instant
  after the gap, one of a repeated hour fires the first time only; slots that fall on one instant
  fire once.
* With every hour, it goes by the passing of time: a gap holds nothing, a repeated hour fires like
  every other hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from .expression import Expression
from .local_time import SECOND, clock_change, end_of_gap, instant_of, is_repeated, local_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a trigger fires. All instants are in UTC and of whole seconds."""

    expression: Expression
    zone: ZoneInfo

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first slot after ``instant``; None if there is none (any more)."""
        second = instant.astimezone(UTC).replace(microsecond=0)
        if self.expression.is_hourly:
            return self._next_by_elapsed_time(second)
        return self._next_by_wall_clock(second)

    def after(self, instant: datetime) -> Iterator[datetime]:
        """Iterate over the slots after ``instant``."""
        slot = self.next_after(instant)
        while slot is not None:
            yield slot
            slot = self.next_after(slot)

    def between(self, after: datetime, until: datetime, *, limit: int) -> list[datetime]:
        """Return the slots after ``after`` and not after ``until``, the first ``limit`` of them."""
        return list(islice(takewhile(lambda slot: slot <= until, self.after(after)), limit))

    def last_between(self, after: datetime, until: datetime, *, limit: int) -> list[datetime]:
        """Return the slots after ``after`` and not after ``until``, the last ``limit`` of them.

        However many there are, no more than about ``20 * limit`` of them are looked at.
        """
        first, last = after.replace(microsecond=0), until
        while last - first > SECOND:
            middle = (first + (last - first) // 2).replace(microsecond=0)
            if len(self.between(middle, until, limit=limit + 1)) > limit:
                first = middle
            else:
                last = middle
        return self.between(first, until, limit=limit + 1)[-limit:]

    def _next_by_wall_clock(self, second: datetime) -> datetime | None:
        local = self._last_shown(second)
        while (found := self.expression.next_after(local)) is not None:
            instant = instant_of(found, self.zone) or end_of_gap(found, self.zone)
            if instant > second:
                return instant
            local = found
        return None

    def _last_shown(self, second: datetime) -> datetime:
        """Return the latest local time that the clock has shown; all before it are done with."""
        local = local_time(second, self.zone)
        first = instant_of(local, self.zone)
        if local.fold == 0 or first is None:
            return local
        return local_time(clock_change(first, second, self.zone) - SECOND, self.zone)

    def _next_by_elapsed_time(self, second: datetime) -> datetime | None:
        local = local_time(second, self.zone)
        slot = self._shown_after(local, second)
        if local.fold == 0 and is_repeated(local, self.zone):
            again = instant_of(local, self.zone, fold=1) or second
            back = clock_change(second, again, self.zone)
            if slot is None or slot >= back:
                return self._shown_after(local_time(back, self.zone) - SECOND, back - SECOND)
        return slot

    def _shown_after(self, local: datetime, second: datetime) -> datetime | None:
        """Return when, after ``second``, the clock first shows a matching time after ``local``."""
        while (found := self.expression.next_after(local)) is not None:
            for fold in (0, 1):
                instant = instant_of(found, self.zone, fold=fold)
                if instant is not None and instant > second:
                    return instant
            local = local_time(end_of_gap(found, self.zone), self.zone) - SECOND
        return None
