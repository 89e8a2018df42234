"""Schedules across changes of the clock, against an oracle that looks at every minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from iii_triggers.trigger_types.cron.expression import parse
from iii_triggers.trigger_types.cron.schedule import Schedule

FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
AROUND = timedelta(hours=4)
MANY = 100_000

ZONES = [
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",  # half an hour
    "America/Havana",  # at midnight
    "Africa/Casablanca",  # backwards for Ramadan
    "Pacific/Auckland",
    "Asia/Tehran",  # gave it up in 2022
]

Matches = Callable[[datetime], bool]

BY_THE_CLOCK: dict[str, Matches] = {
    "30 2 * * *": lambda at: (at.hour, at.minute) == (2, 30),
    "0 0 * * *": lambda at: (at.hour, at.minute) == (0, 0),
    "15,45 0-3 * * *": lambda at: at.hour <= 3 and at.minute in (15, 45),
    "0 */2 * * *": lambda at: at.hour % 2 == 0 and at.minute == 0,
    "* 1 * * *": lambda at: at.hour == 1,
    "0 */20 2 * * SUN": lambda at: at.hour == 2 and at.minute % 20 == 0 and at.isoweekday() == 7,
}
BY_ELAPSED_TIME: dict[str, Matches] = {
    "*/15 * * * *": lambda at: at.minute % 15 == 0,
    "10 0-23 * * *": lambda at: at.minute == 10,
    "0 */10 * * * SUN": lambda at: at.minute % 10 == 0 and at.isoweekday() == 7,
}


def schedule(text: str, zone: str = "UTC") -> Schedule:
    return Schedule(expression=parse(text), zone=ZoneInfo(zone))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@lru_cache
def changes(zone: str) -> list[datetime]:
    """Return the first minute after each change of the clock of 20 years."""
    found = []
    for day in range((LAST - FIRST).days):
        before, after = FIRST + day * DAY, FIRST + (day + 1) * DAY
        if offset(before, zone) != offset(after, zone):
            minutes = (before + number * MINUTE for number in range(1, 1441))
            found.append(next(at for at in minutes if offset(at, zone) == offset(after, zone)))
    return found


def offset(at: datetime, zone: str) -> timedelta | None:
    return at.astimezone(ZoneInfo(zone)).utcoffset()


@lru_cache(maxsize=4)
def clock(change: datetime, zone: str) -> list[tuple[datetime, datetime]]:
    """Return every minute around a change: the instant, and what the clock shows."""
    count = 2 * AROUND // MINUTE
    instants = [change - AROUND + number * MINUTE for number in range(count)]
    return [(at, at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)) for at in instants]


def expected_by_the_clock(
    shown: list[tuple[datetime, datetime]], matches: Matches
) -> Iterator[datetime]:
    """Every local time once: when it is first shown, or else when the clock has passed it."""
    first: dict[datetime, datetime] = {}
    for at, local in shown:
        first.setdefault(local, at)
    local, last = shown[0][1], shown[-1][1]
    while local <= last:
        if matches(local):
            yield first.get(local) or next(at for at, seen in shown if seen > local)
        local += MINUTE


def slots(text: str, zone: str, shown: list[tuple[datetime, datetime]]) -> list[datetime]:
    return schedule(text, zone).between(shown[0][0] - MINUTE, shown[-1][0], limit=MANY)


@pytest.mark.parametrize("zone", ZONES)
def test_the_zone_changes_its_clock(zone: str) -> None:
    assert len(changes(zone)) >= (5 if zone == "Asia/Tehran" else 38)


@pytest.mark.parametrize("zone", ZONES)
def test_a_schedule_of_wall_times_has_every_slot_once(zone: str) -> None:
    for change in changes(zone):
        shown = clock(change, zone)
        for text, matches in BY_THE_CLOCK.items():
            expected = sorted(set(expected_by_the_clock(shown, matches)))
            assert slots(text, zone, shown) == expected, (text, zone, change)


@pytest.mark.parametrize("zone", ZONES)
def test_a_schedule_of_every_hour_goes_by_what_the_clock_shows(zone: str) -> None:
    for change in changes(zone):
        shown = clock(change, zone)
        for text, matches in BY_ELAPSED_TIME.items():
            expected = [at for at, local in shown if matches(local)]
            assert slots(text, zone, shown) == expected, (text, zone, change)


@pytest.mark.parametrize("zone", ZONES)
def test_fires_once_a_day_for_twenty_years(zone: str) -> None:
    """Always later than before, at an hour that is, on every date."""
    nightly = schedule("30 2 * * *", zone)
    found = nightly.between(FIRST - DAY, LAST, limit=MANY)
    assert all(earlier < later for earlier, later in pairwise(found))
    dates = [at.astimezone(ZoneInfo(zone)).date() for at in found]
    assert dates == [dates[0] + number * DAY for number in range(len(dates))]
    late = [at for at in found if f"{at.astimezone(ZoneInfo(zone)):%H:%M}" != "02:30"]
    assert all(at in changes(zone) for at in late)


@pytest.mark.parametrize("zone", ZONES)
def test_can_be_asked_at_any_moment(zone: str) -> None:
    """The next slot is the same from wherever one looks, also from within a gap or repetition."""
    for change in changes(zone)[:4]:
        for text in ("30 1 * * *", "20 * * * *"):
            found = schedule(text, zone).between(change - DAY, change + 3 * DAY, limit=MANY)
            for minute, _ in clock(change, zone):
                for at in (minute, minute + timedelta(seconds=59.5)):
                    expected = next(slot for slot in found if slot > at)
                    assert schedule(text, zone).next_after(at) == expected, (text, zone, at)


def test_a_gap_and_a_repetition_in_words() -> None:
    berlin = schedule("30 2 * * *", "Europe/Berlin")
    assert berlin.between(utc("2026-03-28 12:00"), utc("2026-03-30 12:00"), limit=9) == [
        utc("2026-03-29 01:00"),  # 03:00, the first instant after the gap
        utc("2026-03-30 00:30"),
    ]
    assert berlin.between(utc("2026-10-24 12:00"), utc("2026-10-26 12:00"), limit=9) == [
        utc("2026-10-25 00:30"),  # the first 02:30
        utc("2026-10-26 01:30"),
    ]


def test_slots_that_a_gap_brings_together_fire_once() -> None:
    busy = schedule("*/10 2,3 * * *", "Europe/Berlin")
    found = busy.between(utc("2026-03-29 00:00"), utc("2026-03-29 01:20"), limit=9)
    assert found == [utc("2026-03-29 01:00"), utc("2026-03-29 01:10"), utc("2026-03-29 01:20")]


def test_a_whole_day_may_be_missing() -> None:
    samoa = schedule("0 12 * * *", "Pacific/Apia")
    found = samoa.between(utc("2011-12-29 12:00"), utc("2011-12-31 12:00"), limit=9)
    # There was no 30 December: its noon is the first moment of the 31st.
    assert found == [utc("2011-12-29 22:00"), utc("2011-12-30 10:00"), utc("2011-12-30 22:00")]


def test_every_second_of_a_repeated_hour() -> None:
    hourly = schedule("* * * * * *", "Europe/Berlin")
    start = utc("2026-10-25 00:59:58")
    assert hourly.between(start, start + timedelta(seconds=4), limit=9) == [
        start + timedelta(seconds=number) for number in (1, 2, 3, 4)
    ]


def test_the_second_pass_of_a_repeated_hour_is_left_at_once() -> None:
    nightly = schedule("* * 2 * * *", "Europe/Berlin")
    assert nightly.next_after(utc("2026-10-25 01:00:00")) == utc("2026-10-26 01:00:00")


def test_returns_the_last_slots_of_many() -> None:
    every_second = schedule("* * * * * *")
    start, end = utc("2026-01-01 00:00:00.5"), utc("2026-01-02 00:00:00.5")
    found = every_second.last_between(start, end, limit=3)
    assert found == [utc("2026-01-01 23:59:58"), utc("2026-01-01 23:59:59"), utc("2026-01-02")]
    assert every_second.last_between(start, start + DAY / 86400 * 2, limit=3) == [
        utc("2026-01-01 00:00:01"),
        utc("2026-01-01 00:00:02"),
    ]
    assert schedule("0 0 1 1 *").last_between(start, end, limit=3) == []


def test_the_last_of_one_day_a_year() -> None:
    found = schedule("* * * 1 1 *").last_between(utc("2026-01-01"), utc("2026-12-31"), limit=2)
    assert found == [utc("2026-01-01 23:59:58"), utc("2026-01-01 23:59:59")]
