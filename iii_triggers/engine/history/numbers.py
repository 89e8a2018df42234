"""Numbers of runs, gathered until they are added to the database's."""

from __future__ import annotations

from dataclasses import dataclass, field

from iii_triggers.engine.causes import Caused

TypeKey = tuple[int, str, bool, int]
"""Minute since the epoch, trigger type, whether it failed, bucket of the duration."""
TriggerKey = tuple[int, str, str]
"""Hour since the epoch, namespace, trigger id."""


@dataclass(slots=True)
class Numbers:
    """What ended, by minute and trigger type, and by hour and trigger."""

    by_type: dict[TypeKey, int] = field(default_factory=dict)
    by_trigger: dict[TriggerKey, list[int]] = field(default_factory=dict)
    """How many succeeded and how many failed."""

    def __bool__(self) -> bool:
        return bool(self.by_type)

    def add(
        self, run: Caused, *, ended_at: float, bucket: int, is_failed: bool, count: int = 1
    ) -> None:
        """Count runs like this; ``ended_at`` is in seconds since the epoch."""
        minute, cause = int(ended_at // 60), run.cause
        type_id = cause.trigger_type if cause is not None else ""
        key = (minute, type_id, is_failed, bucket)
        self.by_type[key] = self.by_type.get(key, 0) + count
        if cause is not None and cause.trigger_id:
            trigger = (minute // 60, run.namespace, cause.trigger_id)
            self._counts_of(trigger)[is_failed] += count

    def merge(self, other: Numbers) -> None:
        """Add the numbers of another."""
        for key, count in other.by_type.items():
            self.by_type[key] = self.by_type.get(key, 0) + count
        for trigger, (succeeded, failed) in other.by_trigger.items():
            counts = self._counts_of(trigger)
            counts[0] += succeeded
            counts[1] += failed

    def _counts_of(self, trigger: TriggerKey) -> list[int]:
        counts = self.by_trigger.get(trigger)
        if counts is None:
            counts = self.by_trigger[trigger] = [0, 0]
        return counts
