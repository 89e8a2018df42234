"""The next times at which a cron trigger fires, as a person who writes a schedule wants to know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateformat import format as format_date

from iii_triggers.models import Trigger
from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.cron.config import check_config, parse_config
from iii_triggers.trigger_types.cron.rows import TYPE_ID
from iii_triggers.trigger_types.cron.schedule import Schedule
from iii_triggers.trigger_types.cron.words import in_words

from .config_help import Place
from .config_part import posted, subject_of
from .json_fields import JSONTextField
from .trigger_form import rejection

SHOWN = 5
FORMAT = "D Y-m-d H:i:s T"


@dataclass(frozen=True, slots=True, kw_only=True)
class FireTime:
    """One time, on the clock of the schedule's zone and in UTC."""

    local: str
    utc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FireTimes:
    """The next times, or why there are none."""

    words: str = ""
    """The schedule as a sentence; "" for one that takes too many words."""
    zone: str = ""
    times: list[FireTime] = field(default_factory=list)
    error: str = ""
    enabled: bool = True

    @property
    def ends(self) -> bool:
        """Whether nothing comes after these."""
        return not self.error and len(self.times) < SHOWN


def fire_times_of(trigger: Trigger) -> FireTimes | None:
    """Return the next times of a saved trigger; None for one of another type."""
    if trigger.trigger_type != TYPE_ID:
        return None
    return fire_times(trigger.config, enabled=trigger.enabled)


def previewed(data: Any) -> FireTimes | None:
    """Return the next times of a form that was not saved; None for another trigger type.

    ``data`` are the fields that the browser sent.
    """
    if data.get("trigger_type") != TYPE_ID:
        return None
    enabled = bool(data.get("enabled"))
    try:
        text = posted(subject_of(Place(type_id=TYPE_ID)), data).value
        config = JSONTextField(required=False).clean(text)
    except ValidationError as error:
        return FireTimes(error=" ".join(error.messages), enabled=enabled)
    return fire_times(config, enabled=enabled)


def fire_times(config: Any, *, enabled: bool) -> FireTimes:
    """Return the next times of a config."""
    try:
        check_config(config)
        schedule = parse_config(config).schedule
    except InvalidConfig as error:
        return FireTimes(error=rejection(error), enabled=enabled)
    times = list(islice(_times(schedule), SHOWN))
    words = in_words(schedule.expression)
    return FireTimes(words=words, zone=schedule.zone.key, times=times, enabled=enabled)


def _times(schedule: Schedule) -> Iterator[FireTime]:
    for slot in schedule.after(timezone.now()):
        yield FireTime(local=_shown(slot, schedule.zone), utc=_shown(slot, UTC))


def _shown(slot: datetime, zone: tzinfo) -> str:
    return format_date(slot.astimezone(zone), FORMAT)
