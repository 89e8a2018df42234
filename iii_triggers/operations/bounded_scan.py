"""How far back a list looks, when no index leads straight to what is asked for.

Rows that two filters allow may be as rare as one in a million. A page then looks at ``MAX_SCANNED``
rows along the index that reaches farthest back, and a link leads on from there.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

MAX_SCANNED = 10_000
"""Along an index, which leads from one end of the table to the other."""
MAX_IN_A_ROW = 50_000
"""Of all rows, the newest first: they lie side by side, which is quicker."""


class Index(Enum):
    """What the database has for a filter."""

    RANGE = auto()
    """The filter is about the ids themselves."""
    ORDERED = auto()
    """An index that gives the rows in the order of their ids."""
    COUNTED = auto()
    """An index that gives the rows, in no order."""
    NONE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """One filter in use, and the rows that it alone allows, within the range of ids asked for."""

    rows: QuerySet[Any]
    index: Index


def is_direct(narrowings: Sequence[Narrowing]) -> bool:
    """Tell whether an index gives what is asked for, the newest first, without looking further."""
    return not narrowings or [narrowing.index for narrowing in narrowings] == [Index.ORDERED]


def scan_bound(within: QuerySet[Any], narrowings: Sequence[Narrowing]) -> uuid.UUID | None:
    """Return the id of the oldest row to look at; None if there are few enough to look at all.

    ``within`` are the rows in the range of ids asked for. Takes at most a query for each narrowing
    and one more.
    """
    bounds = []
    for narrowing in narrowings:
        if narrowing.index is Index.NONE:
            continue
        bound = _nth(narrowing.rows, MAX_SCANNED, is_ordered=narrowing.index is Index.ORDERED)
        if bound is None:
            return None
        if narrowing.index is Index.ORDERED:
            bounds.append(bound)
    return min(bounds) if bounds else _nth(within, MAX_IN_A_ROW, is_ordered=True)


def without_index_order(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows, the newest first, in an order that no index gives.

    Otherwise PostgreSQL may walk along the primary key in the hope of soon having enough, past a
    million rows of others.
    """
    return rows.order_by(Coalesce("pk", "pk").desc())


def _nth(rows: QuerySet[Any], number: int, *, is_ordered: bool) -> uuid.UUID | None:
    ids = rows.order_by(*(("-pk",) if is_ordered else ())).values_list("pk", flat=True)
    return next(iter(ids[number - 1 : number]), None)
