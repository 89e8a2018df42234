"""Numbers for people are short and have a unit."""

from __future__ import annotations

import pytest

from iii_triggers.operations.units import age_text, duration_text, percent_text, short_number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0001, "<0.001"),
        (0.35, "0.35"),
        (7.5, "7.5"),
        (10.0, "10"),
        (12.34, "12.3"),
        (999, "999"),
        (999.6, "1k"),
        (1234, "1.2k"),
        (999_900, "1M"),
        (25_000_000, "25M"),
    ],
)
def test_numbers_have_the_digits_that_count(value: float, text: str) -> None:
    assert short_number(value) == text


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (0, "0 ms"),
        (0.1, "0.1 ms"),
        (12.0, "12 ms"),
        (999.9, "1 s"),
        (1500, "1.5 s"),
        (150_000, "2.5 min"),
        (90_000_000, "25 h"),
    ],
)
def test_durations(duration_ms: float, text: str) -> None:
    assert duration_text(duration_ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (3.9, "3 s"), (60, "1 min"), (7199, "1 h"), (4 * 86_400, "4 d")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_shares_are_in_percent() -> None:
    assert [percent_text(share) for share in (0, 0.0025, 0.12, 1)] == ["0%", "0.25%", "12%", "100%"]
