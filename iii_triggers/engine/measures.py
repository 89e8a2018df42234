"""What the engine measures of its workers, written behind with every heartbeat.

Only what changed is written, in one statement for all workers: a thousand busy ones take a few
milliseconds on SQLite, idle ones nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from django.db import connections, router, transaction

from iii_triggers.models import Worker

from .connections import WorkerConnection
from .database import DatabaseThread

if TYPE_CHECKING:
    from django.db.models import Field

COLUMNS = ("last_seen", "in_flight", "metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How a worker does now."""

    worker_id: str
    last_seen: datetime
    """When its last frame came."""
    in_flight: int
    metrics: dict[str, int]


def metrics_of(connection: WorkerConnection) -> dict[str, int]:
    """Return what is counted of a connection since it was opened, and what it runs now.

    ``{"invocations_total": int, "failures_total": int, "in_flight": int, "malformed_frames": int}``
    """
    return {
        "invocations_total": connection.invocations,
        "failures_total": connection.failures,
        "in_flight": len(connection.executing),
        "malformed_frames": connection.malformed_frames,
    }


def take_measures(workers: Iterable[WorkerConnection]) -> list[Measure]:
    """Return the measures of the workers that were heard of since the last time."""
    taken = []
    for connection in workers:
        state = (connection.last_frame_at, len(connection.executing), connection.invocations)
        if connection.spoke and connection.measured != state:
            connection.measured = state
            taken.append(_measure(connection))
    return taken


async def keep_measures(database: DatabaseThread, workers: list[WorkerConnection]) -> None:
    """Write how workers do now; what could not be written is, the next time."""
    try:
        await database.run(write_measures, take_measures(workers))
    except BaseException:
        for connection in workers:
            connection.measured = None
        raise


def last_seen(connection: WorkerConnection) -> datetime:
    """Return when the last frame of a worker came."""
    ago_s = max(0.0, time.monotonic() - connection.last_frame_at)
    return datetime.now(UTC) - timedelta(seconds=ago_s)


def write_measures(measures: list[Measure]) -> None:
    """Write the rows of workers that are still there. A unit of database work."""
    if not measures:
        return
    using = router.db_for_write(Worker)
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.executemany(_statement(using), [_values(measure, using) for measure in measures])


def _measure(connection: WorkerConnection) -> Measure:
    return Measure(
        worker_id=connection.worker_id,
        last_seen=last_seen(connection),
        in_flight=len(connection.executing),
        metrics=metrics_of(connection),
    )


def _statement(using: str) -> str:
    """Return the UPDATE of one row; the ORM has none that is prepared once for many rows."""
    quote = connections[using].ops.quote_name
    columns = ", ".join(f"{quote(_column(name))} = %s" for name in COLUMNS)
    table, key = quote(Worker._meta.db_table), quote(_column("worker_id"))
    return f"UPDATE {table} SET {columns} WHERE {key} = %s"  # noqa: S608 - names of the model


def _values(measure: Measure, using: str) -> tuple[Any, ...]:
    connection = connections[using]
    values = [_field(name).get_db_prep_save(getattr(measure, name), connection) for name in COLUMNS]
    return (*values, measure.worker_id)


def _column(name: str) -> str:
    return str(_field(name).column)


def _field(name: str) -> Field[Any, Any]:
    return cast("Field[Any, Any]", Worker._meta.get_field(name))
