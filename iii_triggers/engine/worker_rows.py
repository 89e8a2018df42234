"""Rows of workers, written and removed many at a time: a thousand may come or go at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from iii_triggers.models import Worker

ROWS_AT_ONCE = 500
KEY = "worker_id"


@dataclass(frozen=True, slots=True)
class WorkerWrite:
    """Writes the row of one worker."""

    row: dict[str, Any]
    """Columns by name."""

    def __call__(self) -> None:
        """Write this row alone."""
        write_workers([self])


@dataclass(frozen=True, slots=True)
class WorkerDrain:
    """Writes that a worker gets no new calls."""

    worker_id: str
    since: datetime

    def __call__(self) -> None:
        """Write it to this row alone."""
        drain_workers([self])


@dataclass(frozen=True, slots=True)
class WorkerGone:
    """Removes the row of a worker and all it still owns."""

    worker_id: str

    def __call__(self) -> None:
        """Remove this row alone."""
        remove_workers([self])


def write_workers(writes: Sequence[WorkerWrite]) -> None:
    """Write the rows of workers."""
    Worker.objects.bulk_create(
        [Worker(**write.row) for write in writes],
        batch_size=ROWS_AT_ONCE,
        update_conflicts=True,
        unique_fields=[KEY],
        update_fields=[name for name in writes[0].row if name != KEY],
    )


def drain_workers(writes: Sequence[WorkerDrain]) -> None:
    """Write that workers get no new calls; those of one batch began within moments."""
    since = min(write.since for write in writes)
    for some in _at_once(write.worker_id for write in writes):
        # Who asked for it may have written it already.
        Worker.objects.filter(pk__in=some, draining_since=None).update(draining_since=since)


def remove_workers(writes: Sequence[WorkerGone]) -> None:
    """Remove the rows of workers, of what they offer, and of their triggers."""
    for some in _at_once(write.worker_id for write in writes):
        Worker.objects.filter(pk__in=some).delete()


def known_workers(worker_ids: Iterable[str]) -> set[str]:
    """Return those that have a row, of some hundreds at most."""
    return set(Worker.objects.filter(pk__in=set(worker_ids)).values_list("pk", flat=True))


def _at_once(worker_ids: Iterable[str]) -> Iterable[list[str]]:
    ids = list(worker_ids)
    return (ids[start : start + ROWS_AT_ONCE] for start in range(0, len(ids), ROWS_AT_ONCE))
