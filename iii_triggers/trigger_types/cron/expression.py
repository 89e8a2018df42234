"""Cron expressions: from text to the local times that match.

``cronsim`` reads and walks the fields; ours are the year, ``?``, long names and the shorthands.
Everything here is about wall clocks; time zones come later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cronsim import CronSim, CronSimError

MAX_LENGTH = 255
YEARS = range(1970, 2101)
HOURS_A_DAY = 24

SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

FIELDS = {
    "second": "0-59",
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT",
}
"""The fields in order, with what their numbers may be."""
DAY, MONTH, WEEKDAY = 3, 4, 5

_MONTHS = "january february march april may june july august september october november december"
_WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday"
_NAMES = {name: name[:3].upper() for name in f"{_MONTHS} {_WEEKDAYS}".split()}
_NAMES |= {"sept": "SEP", "tues": "TUE", "thur": "THU", "thurs": "THU"}


class ExpressionError(ValueError):
    """The text is no cron expression; the message tells where."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expression:
    """A cron expression that was read."""

    fields: tuple[str, ...]
    """Second to weekday, as ``cronsim`` has them."""
    years: frozenset[int] | None
    """The years it is limited to."""
    is_hourly: bool
    """Whether every hour of a day matches."""
    walker: CronSim

    def facts(self) -> tuple[Any, ...]:
        """Return what makes two expressions the same, as JSON values."""
        return (*self.fields, sorted(self.years or ()), self.walker.day_and)

    def next_after(self, local: datetime) -> datetime | None:
        """Return the first naive local time after ``local`` that matches; None if there is none."""
        after = local.replace(microsecond=0, fold=0)
        while (found := self._next_of_any_year(after)) is not None:
            if self.years is None or found.year in self.years:
                return found
            year = min((year for year in self.years if year > found.year), default=None)
            if year is None:
                return None
            after = datetime(year, 1, 1) - timedelta(seconds=1)
        return None

    def _next_of_any_year(self, after: datetime) -> datetime | None:
        """Give up after fifty years, as ``cronsim`` does: 29 February comes more often."""
        walker = CronSim.__new__(CronSim)
        # A copy; that of the copy module takes longer than the walk.
        walker.__dict__.update(self.walker.__dict__, dt=after)
        try:
            return next(walker, None)
        except OverflowError:
            return None


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Return what ``text`` means; raise ExpressionError.

    Five fields as in a crontab, six with the seconds first, seven with the year last, or one of
    ``SHORTHANDS``.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"more than {MAX_LENGTH} characters")
    given = _shorthand(text).split()
    if not 5 <= len(given) <= 7:
        raise ExpressionError(f"{len(given)} fields where 5, 6 or 7 are expected")
    fields = [*([] if len(given) > 5 else ["0"]), *given]
    years = _years(fields.pop()) if len(fields) == 7 else None
    fields = _spelt_for_cronsim(fields)
    walker = _walker(fields)
    if len(given) > 5:
        # As in the reference engine; only the fields of a crontab are alternatives.
        walker.day_and = True
    return Expression(
        fields=tuple(fields),
        years=years,
        is_hourly=len(walker.hours) == HOURS_A_DAY,
        walker=walker,
    )


def _shorthand(text: str) -> str:
    text = text.strip()
    if not text.startswith("@"):
        return text
    try:
        return SHORTHANDS[text.lower()]
    except KeyError:
        known = ", ".join(SHORTHANDS)
        raise ExpressionError(f"there is no {text}, only {known}") from None


def _spelt_for_cronsim(fields: list[str]) -> list[str]:
    """Replace what ``cronsim`` does not know: ``?``, long names, ranges that end on a Sunday."""
    spelt = [field.upper() for field in fields]
    for index in (DAY, WEEKDAY):
        spelt[index] = "*" if spelt[index] == "?" else spelt[index]
    for index in (MONTH, WEEKDAY):
        spelt[index] = re.sub("[A-Z]+", _short_name, spelt[index])
    # Sunday is 0, and no range ends there; it is 7 as well.
    spelt[WEEKDAY] = re.sub(r"-(SUN|0)\b", "-7", spelt[WEEKDAY])
    return spelt


def _short_name(match: re.Match[str]) -> str:
    return _NAMES.get(match[0].lower(), match[0])


def _walker(fields: list[str]) -> CronSim:
    try:
        return CronSim(" ".join(fields), datetime(2000, 1, 1))
    except CronSimError as error:
        raise ExpressionError(_reason(str(error), fields)) from error


def _reason(message: str, fields: list[str]) -> str:
    """Say what stands in the field that ``cronsim`` calls bad, and what may."""
    name = message.removeprefix("Bad ")
    if name not in FIELDS:
        return message
    index = list(FIELDS).index(name)
    if index == DAY and _is_good_day(fields[DAY]):
        return "it never fires: none of its months has such a day"
    return f"{name} '{fields[index]}' is not within {FIELDS[name]}"


def _is_good_day(field: str) -> bool:
    try:
        CronSim(f"0 0 {field} * *", datetime(2000, 1, 1))
    except CronSimError:
        return False
    return True


def _years(field: str) -> frozenset[int] | None:
    """Return the years of the seventh field; None for all."""
    if field == "*":
        return None
    years = {year for part in field.split(",") for year in _year_range(part)}
    return frozenset(years)


def _year_range(part: str) -> range:
    found = re.fullmatch(r"(?:\*|(\d{4})(?:-(\d{4}))?)(?:/(\d{1,3}))?", part, re.ASCII)
    if found is None:
        raise _bad_year(part)
    first, last, step = found.groups()
    start = int(first or YEARS[0])
    # As in the other fields, a step without an end goes on to the last one.
    end = int(last or (YEARS[-1] if step or first is None else start))
    if start not in YEARS or end not in YEARS or end < start or step == "0":
        raise _bad_year(part)
    return range(start, end + 1, int(step or 1))


def _bad_year(part: str) -> ExpressionError:
    return ExpressionError(f"year '{part}' is not within {YEARS[0]}-{YEARS[-1]}")
