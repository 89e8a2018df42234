"""The config of cron triggers (trigger reference, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from django.conf import settings as site_settings
from django.utils import timezone

from iii_triggers.delivery.policy import Policy
from iii_triggers.engine.conditions import condition_in
from iii_triggers.protocol.errors import InvalidConfig

from .expression import MAX_LENGTH, ExpressionError, parse
from .schedule import Schedule

Misfire = Literal["skip", "latest", "all"]
Overlap = Literal["skip", "allow"]

EXPRESSION_KEYS = ("schedule", "expression")
DAY_S = 86_400
MAX_WINDOW_S = 366 * DAY_S
MAX_NUMBER = 2**31 - 1
IN_TURN = "in turn"
"""The ordering key of firings that must not overlap."""

CONFIG_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Cron schedule",
    "type": "object",
    "anyOf": [{"required": [key]} for key in EXPRESSION_KEYS],
    "examples": [{"schedule": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"}],
    "properties": {
        "schedule": {
            "title": "Schedule",
            "description": "Cron expression: 5 fields (minute hour day-of-month month day-of-week),"
            " 6 (seconds first), 7 (year last) or @hourly, @daily, @weekly, @monthly, @yearly.",
            "type": "string",
            "minLength": 1,
            "examples": ["*/15 * * * *", "0 9 * * *"],
        },
        "expression": {
            "title": "Expression",
            "description": "Another name of schedule; one of the two is needed.",
            "type": "string",
            "minLength": 1,
            "examples": ["0 0 9 * * MON"],
        },
        "timezone": {
            "title": "Time zone",
            "description": "IANA name of the time zone of the schedule; the site's if absent.",
            "type": "string",
            "examples": ["America/New_York"],
        },
        "misfire": {
            "title": "Misfire",
            "description": "What becomes of slots that were missed because no beat ran.",
            "type": "string",
            "enum": list(get_args(Misfire)),
            "default": "skip",
        },
        "misfire_window_s": {
            "title": "Misfire window",
            "description": "How many seconds ago a missed slot may be to be made up for.",
            "type": "number",
            "minimum": 0,
            "maximum": MAX_WINDOW_S,
            "default": DAY_S,
        },
        "overlap": {
            "title": "Overlap",
            "description": "Whether a slot fires while an earlier firing has no outcome yet.",
            "type": "string",
            "enum": list(get_args(Overlap)),
            "default": "skip",
        },
        "condition_function_id": {
            "title": "Condition",
            "description": "A function that gets the payload first; false or an error skips it.",
            "type": "string",
        },
        "max_attempts": {
            "title": "Attempts",
            "description": "How often the function is started at most for one firing.",
            "type": "integer",
            "minimum": 1,
            "default": 1,
        },
        "backoff_ms": {
            "title": "Pause",
            "description": "Milliseconds after the first failed attempt; doubled each time.",
            "type": "integer",
            "minimum": 0,
        },
        "timeout_ms": {
            "title": "Timeout",
            "description": "Milliseconds that one attempt may take.",
            "type": "integer",
            "minimum": 1,
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CronConfig:
    """A config that was checked."""

    schedule: Schedule
    misfire: Misfire
    misfire_window: timedelta
    overlap: Overlap
    policy: Policy

    @property
    def ordering_key(self) -> str:
        """The key of its deliveries: those that may not overlap run one by one."""
        return "" if self.overlap == "allow" else IN_TURN

    def facts(self) -> tuple[Any, ...]:
        """Return what makes two configs the same, as JSON values."""
        schedule = (self.schedule.expression.facts(), self.schedule.zone.key)
        misfire = (self.misfire, self.misfire_window.total_seconds())
        return (*schedule, *misfire, self.overlap, self.policy.as_json())


def parse_config(config: Any) -> CronConfig:
    """Return the config, checked; raise InvalidConfig with the key at fault.

    Keys nobody knows are ignored; null is the same as absent. Whether the schedule has any slots
    left is not asked.
    """
    if config is None:
        config = {}
    if not isinstance(config, Mapping):
        raise InvalidConfig("The config must be a JSON object.")
    overlap: Overlap = _choice(config, "overlap", get_args(Overlap))
    window_s = _number(config, "misfire_window_s", at_least=0, at_most=MAX_WINDOW_S)
    return CronConfig(
        schedule=_schedule(config),
        misfire=_choice(config, "misfire", get_args(Misfire)),
        misfire_window=timedelta(seconds=DAY_S if window_s is None else window_s),
        overlap=overlap,
        policy=_policy(config, overlap),
    )


def check_config(config: Any) -> None:
    """Raise InvalidConfig unless a trigger with this config will fire."""
    parsed = parse_config(config)
    if parsed.schedule.next_after(timezone.now()) is None:
        raise _invalid_expression(*_expression(config), "it never fires from now on")


def _policy(config: Mapping[str, Any], overlap: Overlap) -> Policy:
    return Policy(
        max_attempts=_whole(config, "max_attempts", at_least=1) or 1,
        backoff_ms=_whole(config, "backoff_ms", at_least=0),
        timeout_ms=_whole(config, "timeout_ms", at_least=1),
        condition_function_id=condition_in(config),
        condition_error="skip",
        is_ordered=overlap == "skip",
    )


def _schedule(config: Mapping[str, Any]) -> Schedule:
    key, text = _expression(config)
    try:
        return Schedule(expression=parse(text), zone=_zone(config))
    except ExpressionError as error:
        raise _invalid_expression(key, text, str(error)) from error


def _invalid_expression(key: str, text: str, reason: str) -> InvalidConfig:
    shown = text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + "…"
    return InvalidConfig(f"Invalid cron expression '{shown}': {reason}", field=key)


def _expression(config: Mapping[str, Any]) -> tuple[str, str]:
    """Return the expression, and the key that it stands under."""
    given = {key: config[key] for key in EXPRESSION_KEYS if config.get(key) is not None}
    for key, text in given.items():
        if not isinstance(text, str) or not text.strip():
            raise InvalidConfig("Cron expression is required", field=key)
    if not given:
        raise InvalidConfig("Cron expression is required", field=EXPRESSION_KEYS[0])
    if len({" ".join(text.split()) for text in given.values()}) > 1:
        message = "schedule and expression say different things: give one of them."
        raise InvalidConfig(message, field="expression")
    return next(iter(given.items()))


def _zone(config: Mapping[str, Any]) -> ZoneInfo:
    name = config.get("timezone")
    if name is None:
        name = site_settings.TIME_ZONE or "UTC"
    if not isinstance(name, str):
        raise InvalidConfig("timezone must be the name of a time zone.", field="timezone")
    try:
        return _find_zone(name)
    except (LookupError, OSError, ValueError) as error:
        message = f"Unknown time zone '{name[:MAX_LENGTH]}': IANA names are like Europe/Berlin."
        raise InvalidConfig(message, field="timezone") from error


@lru_cache(maxsize=1024)
def _find_zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _choice(config: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> Any:
    """Return one of the choices; the first one is the default."""
    value = config.get(key)
    if value is None:
        return choices[0]
    if value not in choices:
        raise InvalidConfig(f"{key} must be one of {', '.join(choices)}.", field=key)
    return value


def _number(
    config: Mapping[str, Any], key: str, *, at_least: float, at_most: float = MAX_NUMBER
) -> float | None:
    value = config.get(key)
    if value is None:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not at_least <= value <= at_most:
        message = f"{key} must be a number from {at_least:g} to {at_most:g}."
        raise InvalidConfig(message, field=key)
    return float(value)


def _whole(config: Mapping[str, Any], key: str, *, at_least: int) -> int | None:
    value = _number(config, key, at_least=at_least)
    if value is not None and not value.is_integer():
        raise InvalidConfig(f"{key} must be a whole number.", field=key)
    return None if value is None else int(value)
