"""Numbers of runs, gathered until they are added to the database's."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from iii_triggers.engine.calls import Call

TypeKey = tuple[int, str, bool, int]
"""Minute since the epoch, trigger type, whether it failed, bucket of the duration."""
TriggerKey = tuple[int, str, str]
"""Hour since the epoch, namespace, trigger id."""


@dataclass(slots=True)
class Numbers:
    """What ended, by minute and trigger type, and by hour and trigger."""

    by_type: dict[TypeKey, int] = field(default_factory=dict)
    by_trigger: dict[TriggerKey, tuple[int, int]] = field(default_factory=dict)
    """How many succeeded and how many failed."""

    def __bool__(self) -> bool:
        return bool(self.by_type)

    def add(self, call: Call, *, bucket: int, is_failed: bool) -> None:
        """Count a run that ends now, with the bucket of how long it took."""
        minute, cause = int(time.time() // 60), call.cause
        type_id = cause.trigger_type if cause is not None else ""
        key = (minute, type_id, is_failed, bucket)
        self.by_type[key] = self.by_type.get(key, 0) + 1
        if cause is not None and cause.trigger_id:
            counts = (0, 1) if is_failed else (1, 0)
            self._add_counts((minute // 60, call.namespace, cause.trigger_id), counts)

    def merge(self, other: Numbers) -> None:
        """Add the numbers of another."""
        for key, count in other.by_type.items():
            self.by_type[key] = self.by_type.get(key, 0) + count
        for trigger, counts in other.by_trigger.items():
            self._add_counts(trigger, counts)

    def _add_counts(self, key: TriggerKey, counts: tuple[int, int]) -> None:
        succeeded, failed = self.by_trigger.get(key, (0, 0))
        self.by_trigger[key] = (succeeded + counts[0], failed + counts[1])
