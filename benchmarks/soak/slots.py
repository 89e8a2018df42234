"""The slots of cron triggers, as the ledger tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.sites import Site

STEP_S = 2
SCHEDULE = f"*/{STEP_S} * * * * *"
COMMON = {"schedule": SCHEDULE, "overlap": "allow", "max_attempts": 3}
"""Firings may overlap, and survive the end of the process that runs them."""

FUNCTION = "soak.cron"
ROWS = (
    "SELECT trigger_id, id, scheduled_for, created_at, state, error FROM iii_triggers_delivery "
    f"WHERE function_id = '{FUNCTION}' ORDER BY scheduled_for"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One slot of a trigger: ``at`` is when it was due, in seconds since the epoch."""

    delivery_id: str
    at: float
    late_s: float
    state: str
    reason: str

    @property
    def has_fired(self) -> bool:
        """Whether its function ran."""
        return self.state == "succeeded"


def add_triggers(site: Site, configs: dict[str, dict[str, Any]]) -> None:
    """Create a cron trigger for each id, as the admin does."""
    rows = [
        {"trigger_id": trigger_id, "config": {**COMMON, **config}}
        for trigger_id, config in configs.items()
    ]
    site.run(
        "manage.py",
        "shell",
        "--no-imports",
        "-c",
        "from iii_triggers.models import Trigger\n"
        f"for row in {rows!r}:\n"
        f"    Trigger.objects.create(trigger_type='cron', function_id={FUNCTION!r},"
        " source='admin', **row)",
    )


def slots_of(site: Site, trigger_id: str) -> list[Slot]:
    """Return the slots of a trigger in order."""
    return [_slot(*row[1:]) for row in site.database.query(ROWS) if row[0] == trigger_id]


def gaps(slots: Sequence[Slot]) -> list[float]:
    """Return the slots that should be there between the first and the last, and are not."""
    found = {slot.at for slot in slots}
    every = range(int(min(found, default=0)), int(max(found, default=0)), STEP_S)
    return [at for at in every if at not in found]


def _slot(id_: Any, scheduled_for: Any, created_at: Any, state: str, reason: str) -> Slot:
    due = _seconds(scheduled_for)
    return Slot(
        delivery_id=str(id_).replace("-", ""),
        at=due,
        late_s=_seconds(created_at) - due,
        state=state,
        reason=reason,
    )


def _seconds(value: datetime | str) -> float:
    """Return a time as it comes from either database, in seconds since the epoch."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.timestamp()
