"""The axis of time: ticks where a clock on the wall shows a round time."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.formats import date_format

STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440)
GRIDS_MIN = (15, 5, 1)
"""How fine ticks are looked for. Quarters of an hour are quarters on the clocks of every zone."""


def time_ticks(since: datetime, until: datetime, *, at_most: int = 7) -> list[datetime]:
    """Return the times of the ticks, in the current time zone.

    They are local times such as 14:10 or 16:00. Around a change of the clocks they may stand closer
    or further apart, as the hours do.
    """
    span_min = (until - since).total_seconds() / 60
    step = next((step for step in STEPS_MIN if span_min / step <= at_most), STEPS_MIN[-1])
    grid = next(grid for grid in GRIDS_MIN if step % grid == 0)
    return [moment for moment in _grid(since, until, grid) if _of_day(moment) % step == 0]


def clock(moment: datetime) -> str:
    """Return hours and minutes, in the current time zone."""
    return date_format(timezone.localtime(moment), "H:i")


def _grid(since: datetime, until: datetime, minutes: int) -> list[datetime]:
    """Return the local times within the axis that are multiples of some minutes in UTC."""
    seconds = minutes * 60
    first = math.ceil(since.timestamp() / seconds)
    last = math.floor(until.timestamp() / seconds)
    moments = (datetime.fromtimestamp(n * seconds, UTC) for n in range(first, last + 1))
    return [timezone.localtime(moment) for moment in moments]


def _of_day(moment: datetime) -> int:
    return moment.hour * 60 + moment.minute
