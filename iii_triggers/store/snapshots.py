"""What is in a group of a stream, and after which of its events: both seen at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet

from .counts import GroupName, number_of, number_within
from .items import CHUNK, gather, stream_items

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """What was read."""

    value: T
    seq: int
    """The number of the newest event that is in it."""


def group_snapshot(group: GroupName) -> Snapshot[list[bytes]]:
    """Return the values of a group, as ``stream_items.values`` does, which says what it raises."""
    found = _values(group)
    if found is None:
        # Rows tell the number. Where there are none it is read first, so as not to be too high.
        seq = number_of(group)
        found = _values(group) or Snapshot([], seq)
    return found


def item_snapshot(group: GroupName, item_id: str) -> Snapshot[bytes | None]:
    """Return the value of an item, None if there is none. Raise InvalidKey."""
    found = _value(group, item_id)
    if found is None:
        seq = number_of(group)
        found = _value(group, item_id) or Snapshot(None, seq)
    return found


def _values(group: GroupName) -> Snapshot[list[bytes]] | None:
    seq = None

    def texts() -> Iterator[str]:
        nonlocal seq
        for text, seq in _numbered(group).iterator(chunk_size=CHUNK):  # noqa: B007 - kept
            yield text

    values = gather(texts())
    return None if seq is None else Snapshot(values, seq)


def _value(group: GroupName, item_id: str) -> Snapshot[bytes | None] | None:
    row = _numbered(group, item_id).first()
    return None if row is None else Snapshot(row[0].encode(), row[1])


def _numbered(group: GroupName, item_id: str | None = None) -> QuerySet[Any, tuple[str, int]]:
    rows = stream_items.rows(group, item_id).annotate(seq=number_within(group))
    found: QuerySet[Any, tuple[str, int]] = rows.values_list("value", "seq")
    return found
