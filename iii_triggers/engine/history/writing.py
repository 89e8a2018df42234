"""Writes the history: runs, their payloads and the numbers of a batch in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connections,
    router,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from msgspec import Struct

from iii_triggers.engine.durability import do_not_wait_for_disk
from iii_triggers.models import Invocation, InvocationPayload, TriggerStat, TypeStat

from .copying import copy
from .entries import Entry
from .numbers import Numbers
from .rows import OWN_COLUMNS, SHARED_COLUMNS, PayloadRow, Run, SharedColumns
from .upserts import insert_alike, row_text, upsert

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
        alone = chain.from_iterable(entry.alone() for entry in entries)
        was_there = [_write_alone(entry) for entry in alone]
        # With all of them the numbers are there too: the answer to the commit was lost.
        if not (was_there and all(was_there)):
            _write_all((), numbers)


def can_copy() -> bool:
    """Tell whether new runs can be written as lines of COPY."""
    return connections[router.db_for_write(Invocation)].vendor == "postgresql"


def _write_alone(entry: Entry) -> bool:
    """Write one run; tell whether it was there already."""
    try:
        _write_all((entry,), Numbers())
    except (OperationalError, InterfaceError):
        raise
    except IntegrityError:
        logger.debug("A run of %s is there already.", entry.function_id, exc_info=True)
        return True
    except DatabaseError:
        logger.exception("A run of %s could not be written.", entry.function_id)
    return False


def _write_all(entries: Sequence[Entry], numbers: Numbers) -> None:
    using = router.db_for_write(Invocation)
    connection = connections[using]
    latest = {entry.run_id: entry for entry in entries}.values()
    with transaction.atomic(using=using):
        do_not_wait_for_disk(using)
        _write_runs(connection, copy, [entry for entry in latest if entry.is_line])
        alone = [entry for entry in latest if not entry.is_line and entry.shared is None]
        _write_runs(connection, upsert, alone)
        _write_alike(connection, latest)
        columns = InMinute.__struct_fields__
        upsert(connection, TypeStat, _in_minutes(numbers), columns=columns, sums=("count",))
        columns, sums = InHour.__struct_fields__, ("succeeded", "failed")
        upsert(connection, TriggerStat, _in_hours(numbers), columns=columns, sums=sums)


def _write_runs(
    connection: BaseDatabaseWrapper, how: Callable[..., None], entries: Sequence[Entry]
) -> None:
    runs = [entry.run for entry in entries]
    payloads = [entry.payload for entry in entries if entry.payload]
    how(connection, Invocation, runs, columns=Run.__struct_fields__)
    how(connection, InvocationPayload, payloads, columns=PayloadRow.__struct_fields__)


def _write_alike(connection: BaseDatabaseWrapper, entries: Iterable[Entry]) -> None:
    """Write runs that share most of their columns: a quarter of the time of whole rows."""
    by_shared: dict[SharedColumns, list[bytes]] = {}
    for entry in entries:
        if entry.shared is not None:
            by_shared.setdefault(entry.shared, []).append(entry.run)
    for shared, rows in by_shared.items():
        in_common = dict(zip(SHARED_COLUMNS, shared.values, strict=True))
        insert_alike(connection, Invocation, rows, columns=OWN_COLUMNS, shared=in_common)


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
