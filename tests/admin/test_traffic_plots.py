"""Traffic becomes plots: per minute, in shares, and only where there is something to tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from iii_triggers.admin.dashboard.traffic_plots import traffic_plots
from iii_triggers.admin.plots import Drawing
from iii_triggers.engine.history.traffic import Point, TypeTraffic
from iii_triggers.operations.spans import HOUR

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def traffic(trigger_type: str, **counts: int) -> TypeTraffic:
    """Return the traffic of a type; ``m5=8`` are 8 runs five minutes before noon."""
    points = tuple(
        Point(
            start=NOON - timedelta(minutes=int(name[1:])),
            count=count,
            failed=count // 4,
            p50_ms=10.0,
            p95_ms=200.0,
        )
        for name, count in counts.items()
    )
    count = sum(counts.values())
    return TypeTraffic(
        trigger_type=trigger_type,
        count=count,
        failed=count // 4,
        p50_ms=10.0,
        p95_ms=200.0,
        points=points,
        durations={},
    )


def plots(*types: TypeTraffic, after_noon_s: float) -> list[Drawing]:
    return traffic_plots(types, span=HOUR, now=NOON + timedelta(seconds=after_noon_s))


def column(drawing: Drawing, line: int = 0) -> list[str]:
    return [values[line] for _, values in drawing.rows]


def test_what_ended_in_a_minute_is_its_rate() -> None:
    rate, errors, p50, p95 = plots(traffic("http", m5=8, m1=4), after_noon_s=30)
    assert column(rate)[-6:] == ["8", "0", "0", "0", "4", "0"]
    assert column(errors)[-6:] == ["25%", "—", "—", "—", "25%", "—"]
    assert column(p50)[-6:] == ["10 ms", "—", "—", "—", "10 ms", "—"]
    assert column(p95)[-2:] == ["200 ms", "—"]
    assert [one.lines[0].overall for one in (errors, p50, p95)] == ["25%", "10 ms", "200 ms"]
    assert rate.lines[0].overall == "0.2"


@pytest.mark.parametrize(("after_noon_s", "shown"), [(5, "—"), (20, "24"), (59.9, "8")])
def test_the_minute_that_goes_on_counts_for_as_long_as_it_lasts(
    after_noon_s: float, shown: str
) -> None:
    rate, *_ = plots(traffic("http", m0=8), after_noon_s=after_noon_s)
    assert column(rate)[-1] == shown


def test_types_keep_their_place_however_busy_they_are() -> None:
    names = [
        [line.name for line in plots(*types, after_noon_s=1)[0].lines]
        for types in (
            (traffic("a", m1=1), traffic("b", m1=9), traffic("", m1=3)),
            (traffic("a", m1=9), traffic("b", m1=1), traffic("", m1=3)),
        )
    ]
    assert names == [["direct calls", "a", "b"]] * 2


def test_the_others_are_added_up_where_that_makes_sense() -> None:
    types = [traffic(f"t{number}", m1=100 - number) for number in range(6)]
    rate, errors, p50, p95 = plots(*types, traffic("x", m1=8), traffic("y", m1=4), after_noon_s=30)
    assert [one.lines[-1].name for one in (rate, errors)] == ["others"] * 2
    assert column(rate, 6)[-2] == "12"
    assert column(errors, 6)[-2] == "25%"
    assert [len(one.lines) for one in (p50, p95)] == [6, 6]


def test_without_runs_there_are_no_lines() -> None:
    assert all(drawing.is_empty for drawing in plots(after_noon_s=30))
