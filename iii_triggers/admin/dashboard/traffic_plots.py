"""The traffic of trigger types as plots: rate, share of errors, median and 95th percentile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from iii_triggers.admin.plots import STYLES, Drawing, Plot, Series, draw
from iii_triggers.engine.history.traffic import Point, TypeTraffic
from iii_triggers.operations.spans import Span
from iii_triggers.operations.units import duration_text, percent_text, short_number

Summed = Point | TypeTraffic
"""Runs of a type that were added up, in one stretch or in all."""
OTHERS = STYLES - 1
"""The style of what is none of the busiest types, and how many of those have a line."""
LEAST_ERRORS = 0.05
"""One failure among a thousand runs is not to look like a catastrophe."""

LEAST_S = 15.0
"""What has gone on for less time has no rate: one run in the first second is no flood."""

Value = Callable[[Sequence[Summed], float], float | None]
"""What is plotted, of the runs of one or more types in some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is plotted as one line."""

    name: str
    style: int
    types: Sequence[TypeTraffic]

    def series(self, value: Value, span: Span, now: datetime) -> Series:
        """Return a value for each stretch, and one for all of them."""
        starts = span.starts(now)
        points = self._points()
        values = (value(points[start], span.lasted_s(start, now)) for start in starts)
        return Series(
            name=self.name,
            style=self.style,
            values=tuple(values),
            overall=value(self.types, (now - starts[0]).total_seconds()),
        )

    def _points(self) -> dict[datetime, list[Summed]]:
        points: dict[datetime, list[Summed]] = defaultdict(list)
        for one in self.types:
            for point in one.points:
                points[point.start].append(point)
        return points


def traffic_plots(types: Iterable[TypeTraffic], *, span: Span, now: datetime) -> list[Drawing]:
    """Return the plots of a span that ends now, in the order of the page."""
    busiest = sorted(types, key=lambda one: one.count, reverse=True)
    lines, others = _lines(busiest[:OTHERS]), _others(busiest[OTHERS:])
    starts = span.starts(now)

    def plot(id: str, title: str, value: Value, shown: Callable[[float], str]) -> Plot:
        # Percentiles of several types are no percentile of all of them.
        is_duration = shown is duration_text
        plotted = lines if is_duration else lines + others
        return Plot(
            id=id,
            title=title,
            times=starts,
            since=starts[0],
            until=max(now, starts[-1]),
            series=tuple(line.series(value, span, now) for line in plotted),
            shown=shown,
            is_log=is_duration,
            least_top=LEAST_ERRORS if value is _errors else 1.0,
        )

    return [
        draw(plot("rate", gettext("Runs per minute"), _rate, short_number)),
        draw(plot("errors", gettext("Share of runs that failed"), _errors, percent_text)),
        draw(plot("p50", gettext("Duration of half of the runs, at most"), _p50, duration_text)),
        draw(plot("p95", gettext("Duration of 95% of the runs, at most"), _p95, duration_text)),
    ]


def type_name(trigger_type: str) -> str:
    """Return what a type is called; direct calls have none."""
    return trigger_type or gettext("direct calls")


def _lines(busiest: list[TypeTraffic]) -> list[Line]:
    """Return a line for each type, by name, so that none changes its colour with each look."""
    by_name = sorted(busiest, key=lambda one: one.trigger_type)
    return [
        Line(name=type_name(one.trigger_type), style=style, types=[one])
        for style, one in enumerate(by_name)
    ]


def _others(types: list[TypeTraffic]) -> list[Line]:
    return [Line(name=gettext("others"), style=OTHERS, types=types)] if types else []


def _rate(runs: Sequence[Summed], lasted_s: float) -> float | None:
    return _count(runs) * 60 / lasted_s if lasted_s >= LEAST_S else None


def _errors(runs: Sequence[Summed], lasted_s: float) -> float | None:
    return sum(one.failed for one in runs) / _count(runs) if runs else None


def _p50(runs: Sequence[Summed], lasted_s: float) -> float | None:
    return runs[0].p50_ms if runs else None


def _p95(runs: Sequence[Summed], lasted_s: float) -> float | None:
    return runs[0].p95_ms if runs else None


def _count(runs: Sequence[Summed]) -> int:
    return sum(one.count for one in runs)
