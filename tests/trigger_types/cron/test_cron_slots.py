"""Which due slots fire, and what is written down about the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.trigger_types.cron.config import parse_config
from iii_triggers.trigger_types.cron.slots import due_slots

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def decide(noted: datetime, now: datetime, **config: Any) -> list[tuple[str, str]]:
    """Return the time and the reason of each slot that is written down."""
    parsed = parse_config({"schedule": "* * * * *", **config})
    slots = due_slots(parsed, noted=noted, now=now)
    return [(f"{slot.at:%d %H:%M:%S}", slot.skipped) for slot in slots]


def fired(noted: datetime, now: datetime, **config: Any) -> list[str]:
    return [at for at, reason in decide(noted, now, **config) if not reason]


def test_a_slot_on_time_fires() -> None:
    assert decide(NOON, NOON + timedelta(seconds=0.3)) == [("03 12:00:00", "")]


def test_all_slots_within_the_grace_fire() -> None:
    now = NOON + timedelta(seconds=4.9)
    assert fired(NOON, now, schedule="* * * * * *") == [f"03 12:00:0{n}" for n in range(5)]


@pytest.mark.parametrize("misfire", ["skip", "latest", "all"])
def test_the_grace_ends_after_its_last_moment(misfire: str) -> None:
    grace = timedelta(seconds=5)
    assert fired(NOON, NOON + grace - timedelta(microseconds=1)) == ["03 12:00:00"]
    late = decide(NOON, NOON + grace, misfire=misfire)
    assert [reason == "" for _, reason in late] == [misfire != "skip"]


def test_skip_writes_one_entry_for_all_that_was_missed() -> None:
    now = NOON + 30 * MINUTE + timedelta(seconds=1)
    assert decide(NOON, now) == [
        (
            "03 12:29:00",
            "Missed, and misfire is skip: 30 slots from 2026-03-03 12:00:00+00:00 to "
            "2026-03-03 12:29:00+00:00.",
        ),
        ("03 12:30:00", ""),
    ]


def test_a_single_missed_slot_is_named() -> None:
    ((at, reason),) = decide(NOON, NOON + 10 * MINUTE, schedule="0 12 * * *")
    assert at == "03 12:00:00"
    assert reason == "Missed, and misfire is skip: the slot of 2026-03-03 12:00:00+00:00."


def test_latest_fires_the_newest_missed_one() -> None:
    now = NOON + 30 * MINUTE + timedelta(seconds=30)
    found = decide(NOON, now, misfire="latest")
    assert [at for at, _ in found] == ["03 12:29:00", "03 12:30:00"]
    assert "30 slots from" in found[0][1]
    assert found[1][1] == ""


def test_latest_fires_the_one_that_was_missed() -> None:
    now = NOON + timedelta(seconds=30)
    assert decide(NOON, now, misfire="latest") == [("03 12:00:00", "")]


def test_all_fires_every_missed_one() -> None:
    now = NOON + 3 * MINUTE + timedelta(seconds=1)
    expected = [f"03 12:0{n}:00" for n in range(4)]
    assert [at for at, _ in decide(NOON, now, misfire="all")] == expected
    assert fired(NOON, now, misfire="all") == expected


@pytest.mark.parametrize("misfire", ["latest", "all"])
def test_nothing_older_than_the_window_is_made_up_for(misfire: str) -> None:
    now = NOON + timedelta(days=2)
    found = decide(NOON, now, schedule="0 */6 * * *", misfire=misfire, misfire_window_s=3 * 3600)
    assert [at for at, _ in found] == ["05 06:00:00", "05 12:00:00"]
    assert "8 slots from" in found[0][1]
    assert not found[1][1]


def test_the_window_may_be_empty() -> None:
    assert fired(NOON, NOON + MINUTE / 2, misfire="all", misfire_window_s=0) == []


@override_settings(III_MISFIRE_MAX=2)
def test_no_more_than_the_maximum_are_made_up_for() -> None:
    now = NOON + 5 * MINUTE + timedelta(seconds=30)
    found = decide(NOON, now, misfire="all")
    assert [at for at, _ in found] == ["03 12:03:00", "03 12:04:00", "03 12:05:00"]
    assert "more than 2 slots from 2026-03-03 12:00:00+00:00 to" in found[0][1]
    assert fired(NOON, now, misfire="all") == ["03 12:04:00", "03 12:05:00"]


def test_a_year_of_seconds_is_looked_over_in_no_time() -> None:
    now = NOON + timedelta(days=365)
    found = decide(NOON, now, schedule="* * * * * *", misfire="latest")
    assert "more than 1000 slots from 2026-03-03 12:00:00" in found[0][1]
    assert len(found) == 7


def test_a_noted_time_that_is_no_slot_any_more_fires_nothing() -> None:
    noted = NOON + timedelta(seconds=7)
    assert decide(noted, noted + timedelta(seconds=1)) == []
    assert decide(noted, noted + timedelta(seconds=20)) == []
