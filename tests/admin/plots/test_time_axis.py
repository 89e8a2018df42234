"""Ticks stand where a clock of the site's time zone shows a round time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from iii_triggers.admin.plots.time_axis import clock, time_ticks

NOON = datetime(2026, 3, 3, 12, 7, 31, tzinfo=UTC)


def labels(since: datetime, until: datetime, zone: str = "UTC") -> list[str]:
    with timezone.override(zone):
        return [clock(moment) for moment in time_ticks(since, until)]


def test_an_hour_has_a_tick_every_ten_minutes() -> None:
    shown = labels(NOON - timedelta(hours=1), NOON)
    assert shown == ["11:10", "11:20", "11:30", "11:40", "11:50", "12:00"]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", ["16:00", "20:00", "00:00", "04:00", "08:00", "12:00"]),
        ("Asia/Tokyo", ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00"]),
        ("Asia/Kathmandu", ["20:00", "00:00", "04:00", "08:00", "12:00", "16:00"]),
    ],
)
def test_a_day_has_ticks_at_round_local_times(zone: str, expected: list[str]) -> None:
    assert labels(NOON - timedelta(days=1), NOON, zone) == expected


def test_the_day_the_clocks_change_keeps_its_round_times() -> None:
    since = datetime(2026, 3, 28, 20, tzinfo=UTC)
    shown = labels(since, since + timedelta(days=1), "Europe/Rome")
    assert shown == ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00"]


def test_ticks_lie_within_the_axis() -> None:
    since, until = NOON - timedelta(hours=1), NOON
    assert all(since <= moment <= until for moment in time_ticks(since, until))
