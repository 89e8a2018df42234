"""The cron trigger type: the registry checks, the row of a trigger carries its next slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from iii_triggers.models import Trigger as TriggerRow
from iii_triggers.trigger_types.base import TriggerRegistrator

from .config import CONFIG_SCHEMA, check_config, parse_config
from .rows import TYPE_ID, config_of, firing_input, identity_for

if TYPE_CHECKING:
    from iii_triggers.engine.trigger_values import Trigger

CALL_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Firing",
    "type": "object",
    "required": ["trigger", "job_id", "scheduled_time", "actual_time"],
    "properties": {
        "trigger": {"const": "cron"},
        "job_id": {"description": "The id of the trigger.", "type": "string"},
        "scheduled_time": {
            "description": "The slot, in UTC.",
            "type": "string",
            "format": "date-time",
            "examples": ["2026-03-03T10:00:00+00:00"],
        },
        "actual_time": {
            "description": "When the slot was noticed, in UTC.",
            "type": "string",
            "format": "date-time",
            "examples": ["2026-03-03T10:00:00.001234+00:00"],
        },
    },
}


class CronTriggerType(TriggerRegistrator):
    """Runs a function at the times of a schedule; celery beat says when (``iii_triggers.beat``)."""

    id = TYPE_ID
    description = "Runs a function at the times of a cron schedule."
    config_schema = CONFIG_SCHEMA
    call_schema = CALL_SCHEMA

    def validate_config(self, config: Any) -> None:
        """Raise InvalidConfig unless ``config`` has a schedule that will fire."""
        check_config(config)

    async def register_trigger(self, trigger: Trigger) -> None:
        """Check the config; the row of the trigger makes it fire. Raise InvalidConfig."""
        self.validate_config(trigger.config)

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Do nothing: the slots end with the row."""

    def row_saved(self, row: TriggerRow) -> None:
        """Note the next slot: the one that stands there, unless the trigger is another now.

        So a restart loses no slot that is due, and an edit or a switch does not bring up old ones.
        """
        config = config_of(row) if _is_to_fire(row) else None
        identity = identity_for(row, config) if config is not None else ""
        if identity and identity == row.identity and row.next_fire_at is not None:
            return
        row.identity = identity
        row.next_fire_at = None if config is None else config.schedule.next_after(timezone.now())
        rows = TriggerRow.objects.filter(pk=row.pk)
        rows.update(identity=row.identity, next_fire_at=row.next_fire_at)

    def sample_input(self, row: TriggerRow) -> Any:
        """Return what the function would get now."""
        now = timezone.now()
        return firing_input(row, slot=now, now=now)

    def timeout_s(self, row: TriggerRow) -> float | None:
        """Return how long one attempt may take. Raise InvalidConfig."""
        return parse_config(row.config).policy.timeout_s


def _is_to_fire(row: TriggerRow) -> bool:
    """Tell whether a trigger is on, and not refused to its worker."""
    is_refused = row.source == TriggerRow.Source.WORKER and row.state == TriggerRow.State.REJECTED
    return row.enabled and not is_refused
