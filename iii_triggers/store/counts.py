"""How much happened in a group of a stream: numbers that put its events in one order everywhere.

Whoever takes a number holds the row of the group until its transaction ends: the next one, on
whatever node, commits later. A row is kept when its items are gone, for numbers never begin again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from django.db import connections, router, transaction
from django.db.models import BigIntegerField, Subquery, Value
from django.db.models.functions import Coalesce

from iii_triggers.models import StreamGroup

from .keys import check_group, is_group

GroupName = tuple[str, str]
"""Stream and group."""

CHUNK = 2000
"""How many groups one query asks for."""


def take_numbers(group: GroupName, count: int = 1) -> int:
    """Take the next numbers of a group and return the last of them. Raise InvalidKey.

    Works inside a transaction, whose end lets others go on. One statement, which the ORM has not:
    two that are new to the row at the same time must not fail.
    """
    check_group(group)
    connection = connections[router.db_for_write(StreamGroup)]
    table = connection.ops.quote_name(StreamGroup._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (stream_name, group_id, seq) VALUES (%s, %s, %s) "  # noqa: S608
            f"ON CONFLICT (stream_name, group_id) DO UPDATE SET seq = {table}.seq + excluded.seq "
            "RETURNING seq",
            (*group, count),
        )
        number: int = cursor.fetchone()[0]
    return number


def take_many(counts: Mapping[GroupName, int]) -> dict[GroupName, int]:
    """Take numbers of several groups at once and return the last of each."""
    with transaction.atomic():
        # All who take several take them in one order: none waits for another that waits for it.
        return {group: take_numbers(group, counts[group]) for group in sorted(counts)}


def number_of(group: GroupName) -> int:
    """Return the number of the newest event of a group, 0 if there was none. Raise InvalidKey."""
    check_group(group)
    return numbers_of([group]).get(group, 0)


def numbers_of(groups: Sequence[GroupName]) -> dict[GroupName, int]:
    """Return the numbers of the newest events, of groups that have had any.

    One whose name cannot be kept has none: any client may ask for it. Of 10,000 groups this takes
    0.1 s, and 1.5 s if the ORM builds the queries.
    """
    kept = [group for group in groups if is_group(group)]
    found: dict[GroupName, int] = {}
    with connections[router.db_for_read(StreamGroup)].cursor() as cursor:
        table = cursor.db.ops.quote_name(StreamGroup._meta.db_table)
        for start in range(0, len(kept), CHUNK):
            names = kept[start : start + CHUNK]
            wanted = ", ".join(["(%s, %s)"] * len(names))
            cursor.execute(
                f"SELECT stream_name, group_id, seq FROM {table} "  # noqa: S608 - our own names
                f"WHERE (stream_name, group_id) IN (VALUES {wanted})",
                list(chain.from_iterable(names)),
            )
            found |= {(stream, group): seq for stream, group, seq in cursor.fetchall()}
    return found


def number_within(group: GroupName) -> Coalesce:
    """Return ``number_of`` as a part of another query, which sees both at the same moment."""
    stream_name, group_id = group
    row = StreamGroup.objects.filter(stream_name=stream_name, group_id=group_id).order_by()
    return Coalesce(Subquery(row.values("seq")), Value(0), output_field=BigIntegerField())
