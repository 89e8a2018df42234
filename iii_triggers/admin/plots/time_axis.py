"""The axis of time: ticks where a clock on the wall shows a round time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format

STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440)
GRID = timedelta(minutes=1)


def time_ticks(since: datetime, until: datetime, *, at_most: int = 7) -> list[datetime]:
    """Return the times of the ticks, in the current time zone.

    They are local times such as 14:10 or 16:00. Around a change of the clocks they may stand closer
    or further apart, as the hours do.
    """
    span_min = (until - since).total_seconds() / 60
    step = next((step for step in STEPS_MIN if span_min / step <= at_most), STEPS_MIN[-1])
    return [moment for moment in _minutes(since, until) if _of_day(moment) % step == 0]


def clock(moment: datetime) -> str:
    """Return hours and minutes, in the current time zone."""
    return date_format(timezone.localtime(moment), "H:i")


def _minutes(since: datetime, until: datetime) -> list[datetime]:
    first = since.replace(second=0, microsecond=0)
    first = first if first >= since else first + GRID
    number = int((until - first) / GRID) + 1
    return [timezone.localtime(first + n * GRID) for n in range(number)]


def _of_day(moment: datetime) -> int:
    return moment.hour * 60 + moment.minute
