"""Cron expressions in words, read from what they match and not from their text.

Libraries that do this go by the text. They call "the 1st or a Monday" of a crontab "the 1st, only
on Monday", and leave the minute out of ``0 9-17 * * *``. What is not said truly is not said here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from .expression import Expression
from .times_in_words import HOURS, listed, times_in_words

MAX_LISTED = 8
RANGE_FROM = 3
"""From so many on, what follows one another is a range."""
SUNDAY = 7
LAST, LAST_WEEKDAY = -1000, -1001
"""How ``cronsim`` writes ``L`` and ``LW``."""


class Unsayable(Exception):
    """There are no few words for it."""


def in_words(expression: Expression) -> str:
    """Return when an expression fires, as one sentence without its end; "" if that is too much."""
    times = times_in_words(expression)
    try:
        days, more = _days(expression), [_months(expression), _years(expression)]
    except Unsayable:
        return ""
    if not days and sorted(expression.walker.hours) != HOURS:
        days = _("every day")
    sentence = ", ".join(part for part in (times, days, *more) if part)
    return str(capfirst(sentence)) if times else ""


def _days(expression: Expression) -> str:
    walker = expression.walker
    day = "" if set(walker.days) >= set(range(1, 32)) else _day_of_month(walker.days)
    names = _weekday_names(walker.weekdays)
    if not names:
        return day
    if not day:
        return _on(names)
    form = _("%(day)s, but only %(weekday)s") if walker.day_and else _("%(day)s or %(weekday)s")
    return form % {"day": day, "weekday": _on(names)}


def _day_of_month(days: Collection[int]) -> str:
    if set(days) == {LAST}:
        return _("on the last day of the month")
    if set(days) == {LAST_WEEKDAY}:
        return _("on the last day of the month that is no Saturday or Sunday")
    if min(days) < 1:
        raise Unsayable
    if len(days) == 1:
        return _("on day %d of the month") % next(iter(days))
    return _("on days %s of the month") % _range_or_list([(day, str(day)) for day in sorted(days)])


def _weekday_names(weekdays: Iterable[int | tuple[int, int]]) -> list[tuple[int, str]]:
    """Return the weekdays with their numbers, Monday first; none if it may be any."""
    plain = {day or SUNDAY for day in weekdays if isinstance(day, int)}
    counted = [day for day in weekdays if not isinstance(day, int)]
    if counted and plain:
        raise Unsayable
    if counted:
        return [(0, _counted_weekday(*day)) for day in sorted(counted)]
    every = set(range(1, SUNDAY + 1))
    return [] if plain == every else [(day, str(WEEKDAYS[day - 1])) for day in sorted(plain)]


def _counted_weekday(weekday: int, number: int) -> str:
    name = str(WEEKDAYS[(weekday or SUNDAY) - 1])
    if number == LAST:
        return _("last %s of the month") % name
    order = [_("first"), _("second"), _("third"), _("fourth"), _("fifth")][number - 1]
    return _("%(order)s %(name)s of the month") % {"order": order, "name": name}


def _on(names: Sequence[tuple[int, str]]) -> str:
    if names[0][0] == 0:
        return _("on the %s") % listed([name for _number, name in names])
    if _is_range(names):
        return _range_or_list(names)
    return _("on %s") % _range_or_list(names)


def _months(expression: Expression) -> str:
    months = sorted(expression.walker.months)
    if len(months) == len(MONTHS):
        return ""
    names = [(month, str(MONTHS[month])) for month in months]
    form = _("from %s") if _is_range(names) else _("in %s")
    return form % _range_or_list(names)


def _years(expression: Expression) -> str:
    if expression.years is None:
        return ""
    names = [(year, str(year)) for year in sorted(expression.years)]
    form = _("from %s") if _is_range(names) else _("in %s")
    return form % _range_or_list(names)


def _is_range(names: Sequence[tuple[int, str]]) -> bool:
    first, last = names[0][0], names[-1][0]
    return len(names) >= RANGE_FROM and last - first == len(names) - 1


def _range_or_list(names: Sequence[tuple[int, str]]) -> str:
    """Return "Monday to Friday" or "Monday and Friday". Raise Unsayable for a long list."""
    if _is_range(names):
        return _("%(first)s to %(last)s") % {"first": names[0][1], "last": names[-1][1]}
    if len(names) > MAX_LISTED:
        raise Unsayable
    return listed([name for _number, name in names])
