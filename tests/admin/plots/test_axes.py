"""Axes end at round numbers and have a few ticks at round numbers, whatever the values."""

from __future__ import annotations

import pytest

from iii_triggers.admin.plots.axes import linear_axis, log_axis


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([], (0, 0.5, 1)),
        ([0.0], (0, 0.5, 1)),
        ([3.0], (0, 1, 2, 3)),
        ([7.3], (0, 2, 4, 6, 8)),
        ([10.0, 2.0], (0, 5, 10)),
        ([1234.0], (0, 500, 1000, 1500)),
        ([8e9], (0, 2e9, 4e9, 6e9, 8e9)),
    ],
)
def test_a_linear_axis_goes_from_zero_to_a_round_number(
    values: list[float], ticks: tuple[float, ...]
) -> None:
    axis = linear_axis(values)
    assert axis.ticks == pytest.approx(ticks)
    assert (axis.low, axis.high) == (0, pytest.approx(ticks[-1]))


def test_a_linear_axis_has_few_ticks_and_room_for_the_highest_value() -> None:
    for value in (1.07**number for number in range(1, 400)):
        axis = linear_axis([value])
        assert 3 <= len(axis.ticks) <= 6, value
        assert value <= axis.high * 1.000001 <= value * 2.1


def test_small_values_do_not_fill_an_axis_with_a_least_top() -> None:
    assert linear_axis([0.02], least_top=1.0).place(0.02) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([], (1, 2, 5, 10, 20, 50, 100)),
        ([0.0, -1.0], (1, 2, 5, 10, 20, 50, 100)),
        ([3.0], (1, 2, 5, 10)),
        ([10.0], (10, 20, 50, 100)),
        ([0.4, 30_000.0], (0.1, 1, 10, 100, 1000, 10_000, 100_000)),
    ],
)
def test_a_log_axis_covers_whole_decades(values: list[float], ticks: tuple[float, ...]) -> None:
    axis = log_axis(values)
    assert axis.ticks == pytest.approx(ticks)
    assert (axis.low, axis.high) == (pytest.approx(ticks[0]), pytest.approx(ticks[-1]))


def test_each_decade_of_a_log_axis_is_as_wide_as_the_others() -> None:
    axis = log_axis([1.0, 1000.0])
    places = [axis.place(value) for value in (1, 10, 100, 1000)]
    assert places == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_what_is_beyond_an_axis_stands_at_its_end() -> None:
    axis = linear_axis([1.0])
    assert (axis.place(-5), axis.place(5)) == (0, 1)
