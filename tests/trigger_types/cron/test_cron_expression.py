"""Cron expressions: the grammar, and the local times that match."""

from __future__ import annotations

import random
import re
from datetime import datetime

import pytest

from iii_triggers.trigger_types.cron.expression import SHORTHANDS, ExpressionError, parse

START = datetime(2026, 1, 1)  # a Thursday


def times(text: str, count: int = 3, *, after: datetime = START) -> list[str]:
    """Return the first local times after a moment."""
    found: list[str] = []
    local = parse(text).next_after(after)
    while local is not None and len(found) < count:
        found.append(f"{local:%Y-%m-%d %H:%M:%S}")
        local = parse(text).next_after(local)
    return found


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("0 9 * * *", "2026-01-01 09:00:00"),
        ("*/15 * * * *", "2026-01-01 00:15:00"),
        ("5/20 * * * *", "2026-01-01 00:05:00"),
        ("10-20/5 3 * * *", "2026-01-01 03:10:00"),
        ("0 0 9 * * MON", "2026-01-05 09:00:00"),
        ("30 0 9 * * mon", "2026-01-05 09:00:30"),
        ("*/2 * * * * *", "2026-01-01 00:00:02"),
        ("0 12 * * 0", "2026-01-04 12:00:00"),
        ("0 12 * * 7", "2026-01-04 12:00:00"),
        ("0 12 * * sunday", "2026-01-04 12:00:00"),
        ("0 12 * * Tues", "2026-01-06 12:00:00"),
        ("0 12 * * SAT-SUN", "2026-01-03 12:00:00"),
        ("0 12 * * 6-0", "2026-01-03 12:00:00"),
        ("0 12 1 february *", "2026-02-01 12:00:00"),
        ("0 12 1 FEB,MAR *", "2026-02-01 12:00:00"),
        ("0 0 12 ? * WED", "2026-01-07 12:00:00"),
        ("0 0 12 5 * ?", "2026-01-05 12:00:00"),
        ("0 0 12 1 1 ? 2030", "2030-01-01 12:00:00"),
        ("0 0 12 1 1 ? 2020,2031", "2031-01-01 12:00:00"),
        ("0 0 12 1 1 ? 2028/4", "2028-01-01 12:00:00"),
        ("0 0 12 1 1 ? */50", "2070-01-01 12:00:00"),
        ("0 0 12 29 2 * *", "2028-02-29 12:00:00"),
        ("0 0 0 29 2 MON 2020-2100", "2044-02-29 00:00:00"),
        ("0 12 L * *", "2026-01-31 12:00:00"),
        ("0 12 * * 5L", "2026-01-30 12:00:00"),
        ("0 12 * * MON#2", "2026-01-12 12:00:00"),
        ("  0   9\t* * *  ", "2026-01-01 09:00:00"),
    ],
)
def test_finds_the_first_time(text: str, first: str) -> None:
    assert times(text, 1) == [first]


@pytest.mark.parametrize(("name", "text"), SHORTHANDS.items())
def test_shorthands(name: str, text: str) -> None:
    assert times(name.upper()) == times(text)


def test_the_days_of_a_crontab_are_alternatives() -> None:
    assert times("0 0 13 * FRI", 3) == [
        "2026-01-02 00:00:00",
        "2026-01-09 00:00:00",
        "2026-01-13 00:00:00",
    ]
    # A field that begins with a star only narrows, as in every crontab.
    assert times("0 0 */2 * FRI", 1) == ["2026-01-09 00:00:00"]


def test_with_seconds_both_days_must_match() -> None:
    assert times("0 0 0 13 * FRI", 2) == ["2026-02-13 00:00:00", "2026-03-13 00:00:00"]


def test_ends_with_its_last_year() -> None:
    assert times("0 0 0 1 1 ? 2027-2028", 5) == ["2027-01-01 00:00:00", "2028-01-01 00:00:00"]
    assert times("0 0 0 1 1 ? 2025", 5) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("60 * * * *", "minute '60' is not within 0-59"),
        ("* 24 * * *", "hour '24' is not within 0-23"),
        ("* * 0 * *", "day-of-month '0' is not within 1-31"),
        ("* * * 13 *", "month '13' is not within"),
        ("* * * FOO *", "month 'FOO' is not within"),
        ("* * * * 8", "day-of-week '8' is not within 0-7"),
        ("61 * * * * *", "second '61' is not within 0-59"),
        ("5-1 * * * *", "minute '5-1'"),
        ("*/0 * * * *", "minute '*/0'"),
        ("1, * * * *", "minute '1,'"),
        ("? * * * *", "minute '?'"),
        ("-1 * * * *", "minute '-1'"),
        ("0 0 30 2 *", "it never fires"),
        ("* * * *", "4 fields where 5, 6 or 7 are expected"),
        ("* * * * * * * *", "8 fields where 5, 6 or 7 are expected"),
        ("hourly", "1 fields"),
        ("@reboot", "there is no @reboot"),
        ("0 0 0 1 1 ? 1969", "year '1969' is not within 1970-2100"),
        ("0 0 0 1 1 ? 2101", "year '2101' is not within 1970-2100"),
        ("0 0 0 1 1 ? 2030-2029", "year '2030-2029'"),
        ("0 0 0 1 1 ? 2030,", "year ''"),
        ("0 0 0 1 1 ? */0", "year '*/0'"),
        ("0 0 0 1 1 ? soon", "year 'soon'"),
        ("0 " * 200, "more than 255 characters"),
    ],
)
def test_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(reason)):
        parse(text)


def test_any_text_is_read_or_refused_and_walked_in_time() -> None:
    parts = ["*", "?", "L", "LW", "5L", "1-5", "*/3", "5/2", "1,2", "MON", "MON#2", "FRI-SUN"]
    parts += ["0", "7", "29", "31", "JAN", "2030", "-", "/", "#", "L/2", "*/0", "²"]
    chance = random.Random(7)
    for _ in range(5000):
        text = " ".join(chance.choice([*parts, "*", "*"]) for _ in range(chance.choice([5, 6, 7])))
        try:
            expression = parse(text)
        except ExpressionError:
            continue
        found = expression.next_after(START)
        assert found is None or found > START


def test_finds_nothing_beyond_the_calendar() -> None:
    assert parse("0 0 29 2 *").next_after(datetime(9999, 1, 1)) is None
