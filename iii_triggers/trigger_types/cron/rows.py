"""What the rows of cron triggers say."""

from __future__ import annotations

from datetime import UTC, datetime

from iii_triggers.models import Trigger
from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.identity import identity_of

from .config import CronConfig, parse_config

TYPE_ID = "cron"


def config_of(row: Trigger) -> CronConfig | None:
    """Return the config of a trigger; None for one that is invalid."""
    try:
        return parse_config(row.config)
    except InvalidConfig:
        return None


def identity_for(row: Trigger, config: CronConfig) -> str:
    """Return what the trigger shares with those that act as one with it."""
    return identity_of(TYPE_ID, config.facts(), row.function_id, row.namespace)


def lane_of(identity: str) -> str:
    """Return the lane of the deliveries of an identity."""
    return f"cron:{identity}"


def firing_input(row: Trigger, *, slot: datetime, now: datetime) -> dict[str, str]:
    """Return what the function gets when ``slot`` is noticed (trigger reference, section 3)."""
    return {
        "trigger": TYPE_ID,
        "job_id": row.trigger_id,
        "scheduled_time": slot.astimezone(UTC).isoformat(timespec="seconds"),
        "actual_time": now.astimezone(UTC).isoformat(timespec="microseconds"),
    }
