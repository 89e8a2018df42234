"""Cron expressions in words: said truly, or not at all."""

from __future__ import annotations

import pytest

from iii_triggers.trigger_types.cron.expression import parse
from iii_triggers.trigger_types.cron.words import in_words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("@hourly", "Every hour on the hour"),
        ("5 * * * *", "Every hour at :05"),
        ("10-20/5 * * * *", "Every hour at :10, :15 and :20"),
        ("30 5 * * * *", "Every hour at :05:30"),
        ("* * * * * *", "Every second"),
        ("0/5 * * * * *", "Every 5 seconds"),
        ("30 2 * * *", "At 02:30, every day"),
        ("15 30 2 * * ?", "At 02:30:15, every day"),
        ("0 */6 * * *", "At 00:00, 06:00, 12:00 and 18:00, every day"),
        ("0 */2 * * *", "Every 2 hours from 00:00 on, every day"),
        ("0 9-17 * * *", "Every hour from 09:00 to 17:00, every day"),
        ("*/10 9-17 * * MON-FRI", "Every 10 minutes from 09:00 to 17:50, Monday to Friday"),
    ],
)
def test_times(expression: str, words: str) -> None:
    assert in_words(parse(expression)) == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 9 * * 0", "on Sunday"),
        ("0 9 * * 7", "on Sunday"),
        ("0 9 * * MONDAY,tues", "on Monday and Tuesday"),
        ("0 9 * * FRI-SUN", "Friday to Sunday"),
        ("0 9 * * 1#2", "on the second Monday of the month"),
        ("0 9 * * 5L", "on the last Friday of the month"),
        ("0 9 1,15 * *", "on days 1 and 15 of the month"),
        ("0 9 1-7 * *", "on days 1 to 7 of the month"),
        ("0 9 L * *", "on the last day of the month"),
        ("0 9 LW * *", "on the last day of the month that is no Saturday or Sunday"),
        # The two fields of a day are alternatives in a crontab only.
        ("0 9 13 * FRI", "on day 13 of the month or on Friday"),
        ("0 0 9 13 * FRI", "on day 13 of the month, but only on Friday"),
        ("0 9 * JAN,JUL *", "every day, in January and July"),
        ("0 9 * 6-8 *", "every day, from June to August"),
        ("0 0 9 1 1 ? 2090-2092", "on day 1 of the month, in January, from 2090 to 2092"),
        ("0 0 9 ? * MON 2090", "on Monday, in 2090"),
    ],
)
def test_days(expression: str, words: str) -> None:
    assert in_words(parse(expression)) == f"At 09:00, {words}"


@pytest.mark.parametrize(
    "expression",
    [
        "*/7 1-5/2 * * *",
        "*/7 * * * *",
        "30 */15 * * * *",
        "*/5 1 * * * *",
        "* 9 * * *",
        "0 0 */2 * *",
        "0 0 L,1 * *",
        "0 0 * * 1#2,5",
        "0 0 0 1 1 ? */3",
    ],
)
def test_what_takes_too_many_words_has_none(expression: str) -> None:
    assert in_words(parse(expression)) == ""
