"""Rows of workers' triggers, written and removed many at a time.

Only for types whose triggers bring no other rows along: no signals are sent for what is written
here, and nodes learn of the triggers of workers from one announcement for a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from iii_triggers.models import Trigger

from .trigger_values import TriggerEntry
from .worker_rows import known_workers

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 500
COLUMNS = (
    "trigger_type",
    "function_id",
    "config",
    "metadata",
    "source",
    "worker",
    "enabled",
    "state",
    "error",
    "updated_at",
)
"""What is written anew when there is a row already."""

RowKey = tuple[str, str]
"""Namespace and trigger id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerWrite:
    """Writes the row of one trigger, with signals; ``write_triggers`` does many without."""

    key: RowKey
    worker_id: str
    values: dict[str, Any]
    """The other columns by name."""

    def __call__(self) -> None:
        """Write this row alone, unless its worker is gone or the site has taken its id."""
        if not known_workers([self.worker_id]):
            return
        namespace, trigger_id = self.key
        rows = Trigger.objects.filter(namespace=namespace, trigger_id=trigger_id)
        if rows.of_the_site().exists():
            _warn_taken(trigger_id)
            return
        Trigger.objects.update_or_create(
            namespace=namespace,
            trigger_id=trigger_id,
            defaults={**self.values, "worker_id": self.worker_id},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerGone:
    """Removes the row of a trigger that its worker took back."""

    key: RowKey
    worker_id: str

    def __call__(self) -> None:
        """Remove this row alone."""
        remove_triggers([self])


def write_of(entry: TriggerEntry, *, worker_id: str) -> TriggerWrite:
    """Return what writes the row of a trigger as it is now."""
    trigger = entry.trigger
    return TriggerWrite(
        key=(trigger.namespace, trigger.id),
        worker_id=worker_id,
        values={
            "trigger_type": trigger.trigger_type,
            "function_id": trigger.function_id,
            # SDKs drop an empty config, and the column takes no null.
            "config": {} if trigger.config is None else trigger.config,
            "metadata": trigger.metadata,
            "source": Trigger.Source.WORKER,
            "enabled": True,
            "state": entry.state,
            "error": entry.error,
        },
    )


def write_triggers(writes: Sequence[TriggerWrite]) -> None:
    """Write the rows of triggers whose workers have one and whose ids the site has not taken."""
    for start in range(0, len(writes), ROWS_AT_ONCE):
        _write_some(writes[start : start + ROWS_AT_ONCE])


def remove_triggers(writes: Iterable[TriggerGone]) -> None:
    """Remove rows, as long as they are still those of the workers that took them back."""
    ids: dict[tuple[str, str], list[str]] = {}
    for write in writes:
        namespace, trigger_id = write.key
        ids.setdefault((namespace, write.worker_id), []).append(trigger_id)
    for (namespace, worker_id), some in ids.items():
        rows = Trigger.objects.filter(namespace=namespace, worker_id=worker_id)
        for start in range(0, len(some), ROWS_AT_ONCE):
            rows.filter(trigger_id__in=some[start : start + ROWS_AT_ONCE]).delete()


def _write_some(writes: Sequence[TriggerWrite]) -> None:
    workers = known_workers(write.worker_id for write in writes)
    stored = _stored(writes)
    rows = []
    for write in writes:
        source, identity = stored.get(write.key, ("worker", ""))
        if source != Trigger.Source.WORKER:
            _warn_taken(write.key[1])
        elif identity:
            # It was of a type that brought rows along, which must go.
            write()
        elif write.worker_id in workers:
            rows.append(_row(write))
    if rows:
        Trigger.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["namespace", "trigger_id"],
            update_fields=COLUMNS,
        )


def _stored(writes: Sequence[TriggerWrite]) -> dict[RowKey, tuple[str, str]]:
    """Return source and identity of the rows that are there, and keep others from changing them."""
    same_ids = Trigger.objects.filter(trigger_id__in=[write.key[1] for write in writes])
    # In one order: two nodes that wait for each other would not get on.
    rows = same_ids.order_by("trigger_id", "namespace").select_for_update()
    found = rows.values_list("namespace", "trigger_id", "source", "identity")
    return {(namespace, id_): (source, identity) for namespace, id_, source, identity in found}


def _row(write: TriggerWrite) -> Trigger:
    namespace, trigger_id = write.key
    return Trigger(
        namespace=namespace, trigger_id=trigger_id, worker_id=write.worker_id, **write.values
    )


def _warn_taken(trigger_id: str) -> None:
    logger.warning("Trigger id %s is taken by a trigger of the site.", trigger_id)
