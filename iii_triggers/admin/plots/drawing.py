"""From a plot to what its template shows: places and texts, all of them ready to be printed.

Places are strings: a template would write a number the way the reader's language does, with a comma
that SVG does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from .axes import Axis, linear_axis, log_axis
from .plot import Plot, Series
from .time_axis import clock, time_ticks

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 382, 10, 166
"""Where the lines are; the labels of the axes stand left of that and below."""
NOTHING = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A tick of an axis: a line and a label."""

    path: str
    x: str
    y: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line, and the dots of values without a neighbour, which no line would show."""

    name: str
    style: int
    path: str
    """The ``d`` of the SVG element; empty if there are only dots."""
    dots: tuple[tuple[str, str], ...]
    overall: str
    """The value for all times together, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A plot, as the template needs it."""

    id: str
    title: str
    summary: str
    """The plot in a sentence, for those who do not see it."""
    view_box: str
    value_ticks: tuple[Tick, ...]
    time_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """The table: a time, and the value of each line."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return not any(line.path or line.dots for line in self.lines)


def draw(plot: Plot) -> Drawing:
    """Return the drawing of a plot, with times in the current time zone."""
    axis = log_axis(plot.values) if plot.is_log else _linear(plot)
    return Drawing(
        id=plot.id,
        title=plot.title,
        summary=_summary(plot),
        view_box=f"0 0 {WIDTH} {HEIGHT}",
        value_ticks=tuple(_value_tick(plot, axis, value) for value in axis.ticks),
        time_ticks=tuple(_time_tick(plot, at) for at in time_ticks(plot.since, plot.until)),
        lines=tuple(_line(plot, axis, series) for series in plot.series),
        rows=tuple(_rows(plot)),
    )


def _linear(plot: Plot) -> Axis:
    return linear_axis(plot.values, least_top=plot.least_top)


def _value_tick(plot: Plot, axis: Axis, value: float) -> Tick:
    y = _number(_y(axis, value))
    return Tick(path=f"M{LEFT} {y}H{RIGHT}", x=str(LEFT - 5), y=y, label=plot.shown(value))


def _time_tick(plot: Plot, moment: datetime) -> Tick:
    x = _number(_x(plot, moment))
    return Tick(path=f"M{x} {BOTTOM}v4", x=x, y=str(BOTTOM + 18), label=clock(moment))


def _line(plot: Plot, axis: Axis, series: Series) -> Line:
    pieces = list(_pieces(plot, axis, series))
    return Line(
        name=series.name,
        style=series.style,
        path="".join(f"M{'L'.join(f'{x} {y}' for x, y in piece)}" for piece in pieces if piece[1:]),
        dots=tuple(piece[0] for piece in pieces if not piece[1:]),
        overall=_shown(plot, series.overall),
    )


def _pieces(plot: Plot, axis: Axis, series: Series) -> Iterator[list[tuple[str, str]]]:
    """Yield the parts of a line between its gaps."""
    piece: list[tuple[str, str]] = []
    for moment, value in zip(plot.times, series.values, strict=True):
        if value is not None and (value > 0 or not plot.is_log):
            piece.append((_number(_x(plot, moment)), _number(_y(axis, value))))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _rows(plot: Plot) -> Iterator[tuple[str, tuple[str, ...]]]:
    for number, moment in enumerate(plot.times):
        yield clock(moment), tuple(_shown(plot, line.values[number]) for line in plot.series)


def _summary(plot: Plot) -> str:
    parts = [_in_words(plot, series) for series in plot.series] or [gettext("Nothing ran.")]
    times = {"since": clock(plot.since), "until": clock(plot.until)}
    return " ".join([gettext("From %(since)s to %(until)s.") % times, *parts])


def _in_words(plot: Plot, series: Series) -> str:
    values = [value for value in series.values if value is not None]
    if not values:
        return gettext("%s: no values.") % series.name
    facts = {
        "name": series.name,
        "least": plot.shown(min(values)),
        "most": plot.shown(max(values)),
        "overall": _shown(plot, series.overall),
    }
    return gettext("%(name)s: from %(least)s to %(most)s, overall %(overall)s.") % facts


def _shown(plot: Plot, value: float | None) -> str:
    return NOTHING if value is None else plot.shown(value)


def _x(plot: Plot, moment: datetime) -> float:
    share = (moment - plot.since) / (plot.until - plot.since)
    return LEFT + share * (RIGHT - LEFT)


def _y(axis: Axis, value: float) -> float:
    return BOTTOM - axis.place(value) * (BOTTOM - TOP)


def _number(value: float) -> str:
    return f"{value:.1f}"
