"""Spans of time up to now, cut into stretches of the same length, for plots and totals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """So many stretches, the last of which has begun and not ended."""

    id: str
    stretch_s: int
    stretches: int

    def starts(self, now: datetime) -> tuple[datetime, ...]:
        """Return when each stretch starts, at multiples of its length since the epoch."""
        last = datetime.fromtimestamp(now.timestamp() // self.stretch_s * self.stretch_s, UTC)
        ages = range(self.stretches - 1, -1, -1)
        return tuple(last - timedelta(seconds=age * self.stretch_s) for age in ages)

    def lasted_s(self, start: datetime, now: datetime) -> float:
        """Return for how long a stretch has been going on."""
        return min((now - start).total_seconds(), self.stretch_s)


HOUR = Span(id="hour", stretch_s=60, stretches=60)
DAY = Span(id="day", stretch_s=1800, stretches=48)
