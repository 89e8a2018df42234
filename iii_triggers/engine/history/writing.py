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
from msgspec import Struct

from iii_triggers.engine.durability import do_not_wait_for_disk
from iii_triggers.models import Invocation, InvocationPayload, TriggerStat, TypeStat

from .entries import Entry, PayloadRow, Run
from .numbers import Numbers
from .upserts import row_text, upsert

logger = logging.getLogger(__name__)


class InMinute(Struct):
    """The columns of ``TypeStat``."""

    minute: int
    """Seconds since the epoch."""
    trigger_type: str
    failed: bool
    bucket: int
    count: int


class InHour(Struct):
    """The columns of ``TriggerStat``."""

    hour: int
    """Seconds since the epoch."""
    namespace: str
    trigger_id: str
    succeeded: int
    failed: int


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
        logger.exception("A run of %s could not be written.", entry.function_id)


def _write_all(entries: Sequence[Entry], numbers: Numbers) -> None:
    using = router.db_for_write(Invocation)
    connection = connections[using]
    latest = {entry.run_id: entry for entry in entries}.values()
    runs, payloads = [entry.run for entry in latest], [entry.payload for entry in latest]
    with transaction.atomic(using=using):
        do_not_wait_for_disk(using)
        upsert(connection, Invocation, runs, columns=Run.__struct_fields__)
        columns = PayloadRow.__struct_fields__
        upsert(connection, InvocationPayload, payloads, columns=columns)
        columns = InMinute.__struct_fields__
        upsert(connection, TypeStat, _in_minutes(numbers), columns=columns, sums=("count",))
        columns, sums = InHour.__struct_fields__, ("succeeded", "failed")
        upsert(connection, TriggerStat, _in_hours(numbers), columns=columns, sums=sums)


def _in_minutes(numbers: Numbers) -> list[bytes]:
    """Return the rows in one order for all processes, which otherwise would lock each other out."""
    return [
        row_text(InMinute(minute * 60, type_id, failed, bucket, count))
        for (minute, type_id, failed, bucket), count in sorted(numbers.by_type.items())
    ]


def _in_hours(numbers: Numbers) -> list[bytes]:
    return [
        row_text(InHour(hour * 3600, namespace, trigger_id, succeeded, failed))
        for (hour, namespace, trigger_id), (succeeded, failed) in sorted(numbers.by_trigger.items())
    ]
