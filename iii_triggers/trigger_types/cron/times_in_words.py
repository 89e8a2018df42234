"""The times of day of a cron expression in words."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .expression import Expression

SIXTY, HOURS = list(range(60)), list(range(24))
MAX_TIMES = 6
"""More times of a day are not listed."""
RANGE_FROM = 4
"""From so many on, hours that follow one another are a range."""


def times_in_words(expression: Expression) -> str:
    """Return the times of day; "" if there are no few words for them."""
    walker = expression.walker
    seconds, minutes, hours = map(sorted, (walker.seconds, walker.minutes, walker.hours))
    if len(seconds) > 1:
        is_plain = minutes == SIXTY and hours == HOURS
        return _every_few_seconds(seconds) if is_plain else ""
    second = seconds[0]
    if hours == HOURS:
        return _all_day(minutes, second)
    if _is_range(hours):
        return _some_hours(hours, minutes, second)
    if len(minutes) * len(hours) <= MAX_TIMES:
        times = [_clock(hour, minute, second) for hour in hours for minute in minutes]
        return _("at %s") % listed(times)
    return _every_few_hours(hours, minutes, second)


def listed(words: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    if len(words) == 1:
        return words[0]
    return _("%(first)s and %(last)s") % {"first": ", ".join(words[:-1]), "last": words[-1]}


def _every_few_seconds(seconds: list[int]) -> str:
    step = _step(seconds, SIXTY)
    if step is None:
        return ""
    return ngettext("every second", "every %(number)d seconds", step) % {"number": step}


def _all_day(minutes: list[int], second: int) -> str:
    if len(minutes) == 1:
        is_full = minutes == [0] and second == 0
        time = f":{minutes[0]:02}:{second:02}" if second else f":{minutes[0]:02}"
        return _("every hour on the hour") if is_full else _("every hour at %s") % time
    often = _every_few_minutes(minutes, second)
    if not often and len(minutes) <= MAX_TIMES and second == 0:
        return _("every hour at %s") % listed([f":{minute:02}" for minute in minutes])
    return often


def _every_few_minutes(minutes: list[int], second: int) -> str:
    step = _step(minutes, SIXTY)
    if step is None or second:
        return ""
    return ngettext("every minute", "every %(number)d minutes", step) % {"number": step}


def _some_hours(hours: list[int], minutes: list[int], second: int) -> str:
    """Say it for hours that follow one another."""
    often = _("every hour") if len(minutes) == 1 else _every_few_minutes(minutes, second)
    if not often:
        return ""
    first, last = _clock(hours[0], minutes[0], second), _clock(hours[-1], minutes[-1], second)
    between = {"often": often, "first": first, "last": last}
    return _("%(often)s from %(first)s to %(last)s") % between


def _every_few_hours(hours: list[int], minutes: list[int], second: int) -> str:
    step = _step(hours, HOURS)
    if step is None or len(minutes) > 1:
        return ""
    time = _clock(hours[0], minutes[0], second)
    return _("every %(number)d hours from %(time)s on") % {"number": step, "time": time}


def _step(values: list[int], whole: list[int]) -> int | None:
    """Return the step of values that start at 0 and go on evenly; None for others."""
    step = values[1] - values[0] if len(values) > 1 else len(whole)
    return step if values == whole[::step] and len(whole) % step == 0 else None


def _is_range(hours: list[int]) -> bool:
    return len(hours) >= RANGE_FROM and hours[-1] - hours[0] == len(hours) - 1


def _clock(hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}:{second:02}" if second else f"{hour:02}:{minute:02}"
