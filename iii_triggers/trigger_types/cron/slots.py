"""What becomes of the slots of a trigger that are due: fired, or skipped for a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from iii_triggers.conf import settings

from .config import CronConfig
from .local_time import SECOND
from .schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSlot:
    """A slot to write down; ``skipped`` is the reason why it does not fire."""

    at: datetime
    skipped: str = ""


def due_slots(config: CronConfig, *, noted: datetime, now: datetime) -> list[DueSlot]:
    """Return the slots from the noted one until now, in order.

    Those noticed within ``III_MISFIRE_GRACE_S`` fire. Earlier ones were missed: ``misfire`` says
    which of them are made up for, and one entry, at the last of them, stands for all others.
    """
    grace_s = settings.III_MISFIRE_GRACE_S
    before, late = noted - SECOND, now - timedelta(seconds=grace_s)
    punctual = config.schedule.between(max(before, late), now, limit=int(grace_s) + 2)
    made_up = _made_up(config, before, late, now) if noted <= late else []
    until = made_up[0] - SECOND if made_up else late
    dropped = _dropped(config, noted, until) if noted <= until else []
    return [*dropped, *(DueSlot(at=slot) for slot in (*made_up, *punctual))]


def _made_up(config: CronConfig, before: datetime, late: datetime, now: datetime) -> list[datetime]:
    """Return the missed slots that fire now."""
    if config.misfire == "skip":
        return []
    limit = 1 if config.misfire == "latest" else settings.III_MISFIRE_MAX
    start = max(before, now - config.misfire_window)
    return config.schedule.last_between(start, late, limit=limit) if start < late else []


def _dropped(config: CronConfig, noted: datetime, until: datetime) -> list[DueSlot]:
    """Return the entry for the missed slots that do not fire."""
    limit = settings.III_MISFIRE_MAX
    second = until.replace(microsecond=0)
    first, last, count = _extent(config.schedule, noted - SECOND, second, limit=limit)
    if first is None or last is None:
        return []
    slots = f"more than {limit} slots" if count > limit else f"{count} slots"
    extent = f"{slots} from {first} to {last}" if count > 1 else f"the slot of {first}"
    return [DueSlot(at=last, skipped=f"Missed, and misfire is {config.misfire}: {extent}.")]


@lru_cache(maxsize=1024)
def _extent(
    schedule: Schedule, before: datetime, until: datetime, *, limit: int
) -> tuple[datetime | None, datetime | None, int]:
    """Return the first and last slot, and how many there are, counted just beyond the limit.

    After an outage many triggers have the same answer.
    """
    slots = schedule.between(before, until, limit=limit + 1)
    if not slots:
        return None, None, 0
    last = schedule.last_between(slots[-1] - SECOND, until, limit=1)
    return slots[0], last[-1], len(slots)
