"""Wall clocks and instants: what a change of the clock does to a local time.

Local times are naive, instants are in UTC. A clock that goes forward leaves a gap of local times
that never are; one that goes back shows a stretch of them twice, with ``fold`` 0 and then 1.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

SECOND = timedelta(seconds=1)


def local_time(instant: datetime, zone: tzinfo) -> datetime:
    """Return what the clock of ``zone`` shows: naive, with its ``fold``."""
    return instant.astimezone(zone).replace(tzinfo=None)


def instant_of(local: datetime, zone: tzinfo, *, fold: int = 0) -> datetime | None:
    """Return when the clock shows ``local`` for the first (or second) time; None in a gap."""
    instant = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    return instant if local_time(instant, zone) == local else None


def is_repeated(local: datetime, zone: tzinfo) -> bool:
    """Tell whether the clock shows ``local`` twice."""
    first, second = _readings(local, zone)
    return first < second


def end_of_gap(local: datetime, zone: tzinfo) -> datetime:
    """Return the first instant after the gap that ``local`` lies in."""
    after, before = _readings(local, zone)
    return clock_change(before, after, zone)


def clock_change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the instant of the one change of the clock between two instants of whole seconds."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = (before + (after - before) // 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def _readings(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the instants of ``local`` by the offsets before and after a change of the clock."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return first, local.replace(tzinfo=zone, fold=1).astimezone(UTC)
