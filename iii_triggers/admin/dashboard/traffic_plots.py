"""The traffic of trigger types as plots: rate, share of errors, median and 95th percentile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from iii_triggers.admin.plots import STYLES, Drawing, Plot, Series, draw
from iii_triggers.engine.history.traffic import Point, TypeTraffic
from iii_triggers.operations.spans import Span
from iii_triggers.operations.units import duration_text, percent_text, short_number

OTHERS = STYLES - 1
"""The style of what is none of the busiest types, and how many of those have a line."""
LEAST_ERRORS = 0.05
"""One failure among a thousand runs is not to look like a catastrophe."""

Value = Callable[[Sequence[Point], datetime], float | None]
"""What is plotted where a stretch starts, of the points that a line has there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is plotted as one line."""

    name: str
    style: int
    points: Mapping[datetime, Sequence[Point]]
    """By the start of a stretch; several only where types are taken together."""

    def series(self, value: Value, starts: Iterable[datetime]) -> Series:
        """Return a value at each start."""
        values = tuple(value(self.points.get(start, ()), start) for start in starts)
        return Series(name=self.name, style=self.style, values=values)


def traffic_plots(types: Iterable[TypeTraffic], *, span: Span, now: datetime) -> list[Drawing]:
    """Return the plots of a span that ends now, in the order of the page."""
    busiest = sorted(types, key=lambda one: one.count, reverse=True)
    lines, others = _lines(busiest[:OTHERS]), _others(busiest[OTHERS:])
    starts = span.starts(now)

    def rate(points: Sequence[Point], start: datetime) -> float:
        return _count(points) * 60 / span.lasted_s(start, now)

    def plot(id: str, title: str, value: Value, shown: Callable[[float], str]) -> Plot:
        # Percentiles of several types are no percentile of all of them.
        is_duration = shown is duration_text
        return Plot(
            id=id,
            title=title,
            times=starts,
            since=starts[0],
            until=max(now, starts[-1]),
            series=tuple(
                line.series(value, starts) for line in (lines if is_duration else lines + others)
            ),
            shown=shown,
            is_log=is_duration,
            least_top=LEAST_ERRORS if value is _errors else 1.0,
        )

    return [
        draw(plot("rate", gettext("Runs per minute"), rate, short_number)),
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
        Line(name=type_name(one.trigger_type), style=style, points=_points([one]))
        for style, one in enumerate(by_name)
    ]


def _others(types: list[TypeTraffic]) -> list[Line]:
    line = Line(name=gettext("others"), style=OTHERS, points=_points(types))
    return [line] if types else []


def _points(types: Iterable[TypeTraffic]) -> dict[datetime, list[Point]]:
    points = defaultdict(list)
    for one in types:
        for point in one.points:
            points[point.start].append(point)
    return points


def _count(points: Sequence[Point]) -> int:
    return sum(point.count for point in points)


def _errors(points: Sequence[Point], start: datetime) -> float | None:
    return sum(point.failed for point in points) / _count(points) if points else None


def _p50(points: Sequence[Point], start: datetime) -> float | None:
    return points[0].p50_ms if points else None


def _p95(points: Sequence[Point], start: datetime) -> float | None:
    return points[0].p95_ms if points else None
