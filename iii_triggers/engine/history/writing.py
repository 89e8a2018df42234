"""Writes the history: runs, their payloads and the numbers of a batch in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    connections,
    router,
    transaction,
)

from iii_triggers.engine.durability import do_not_wait_for_disk
from iii_triggers.models import Invocation, InvocationPayload, TriggerStat, TypeStat

from .entries import Entry, payload_of, run_of
from .numbers import Numbers
from .upserts import Row, upsert

logger = logging.getLogger(__name__)


def write(entries: Sequence[Entry], numbers: Numbers) -> None:
    """Write runs, their payloads and the numbers in one transaction.

    Raise OperationalError or InterfaceError when the database is away. A run that it will not take
    is logged and left out.
    """
    try:
        _write_all(entries, numbers)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        for entry in entries:
            _write_alone(entry)
        _write_all((), numbers)


def _write_alone(entry: Entry) -> None:
    try:
        _write_all((entry,), Numbers())
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        logger.exception("A run of %s could not be written.", entry.run.function_id)


def _write_all(entries: Sequence[Entry], numbers: Numbers) -> None:
    using = router.db_for_write(Invocation)
    connection = connections[using]
    latest = {entry.run.id: entry for entry in entries}.values()
    runs, payloads = [run_of(entry) for entry in latest], [payload_of(entry) for entry in latest]
    with transaction.atomic(using=using):
        do_not_wait_for_disk(using)
        upsert(connection, Invocation, runs)
        upsert(connection, InvocationPayload, payloads)
        upsert(connection, TypeStat, _type_rows(numbers), sums=("count",))
        upsert(connection, TriggerStat, _trigger_rows(numbers), sums=("succeeded", "failed"))


def _type_rows(numbers: Numbers) -> list[Row]:
    """Return the rows in one order for all processes, which otherwise would lock each other out."""
    return [
        {
            "minute": minute * 60,
            "trigger_type": type_id,
            "failed": failed,
            "bucket": bucket,
            "count": count,
        }
        for (minute, type_id, failed, bucket), count in sorted(numbers.by_type.items())
    ]


def _trigger_rows(numbers: Numbers) -> list[Row]:
    return [
        {
            "hour": hour * 3600,
            "namespace": namespace,
            "trigger_id": trigger_id,
            "succeeded": counts[0],
            "failed": counts[1],
        }
        for (hour, namespace, trigger_id), counts in sorted(numbers.by_trigger.items())
    ]
