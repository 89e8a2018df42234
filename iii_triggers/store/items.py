"""Items by group and key: synchronous units of work for the engine's database thread.

Every method is atomic, whatever other nodes do at the same time, and works inside a transaction of
the caller too. Values are JSON text. An item that is overwritten keeps its place in the order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from iii_triggers.conf import settings
from iii_triggers.engine.payload import Payload
from iii_triggers.models import StateItem, StreamItem
from iii_triggers.protocol.codec import from_json, to_json
from iii_triggers.protocol.errors import IiiError, LimitExceeded, PayloadTooLarge
from iii_triggers.protocol.json_values import depth_of

from .counts import take_numbers
from .keys import check_group, check_key
from .races import outlast_races
from .update_ops import MISSING, Problem, apply_ops, parse_ops

MAX_VALUE_DEPTH = 120
"""Published clients in other languages read JSON of no more than 128 levels, envelope included."""

CHUNK = 50
"""How many values of a group are in memory before anybody asks how large they are."""

Group = tuple[str, ...]
Item = StateItem | StreamItem
Change = Callable[[bytes | None], tuple[bytes, list[Problem]]]
"""Makes the new value of the old one, None if there is none."""


class ValueTooLarge(IiiError):
    """The value is too large."""

    code = "VALUE_TOO_LARGE"

    @classmethod
    def of(cls, size: int, limit: int) -> ValueTooLarge:
        """Build the message SDKs know (trigger reference, section 7.1)."""
        return cls(f"value of {size} bytes exceeds the configured max_value_bytes limit of {limit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What ``set`` did: the value before, None if there was none, and the value now."""

    old: bytes | None
    new: bytes
    seq: int | None = None
    """The number of the write among all that happened in the group, where that is counted."""

    def json(self) -> bytes:
        """Return ``{"old_value": any, "new_value": any}``; null if there was none."""
        return b'{"old_value":%b,"new_value":%b}' % (self.old or b"null", self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated(Written):
    """What ``update`` did; ``errors`` tells of the operations that were skipped."""

    errors: list[Problem]

    def json(self) -> bytes:
        """Return the values, and the ``errors`` (a list of problems) if there are any."""
        values = Written.json(self)
        return values[:-1] + b',"errors":%b}' % to_json(self.errors) if self.errors else values


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What ``remove`` did: the value before, and the number of the removal, where counted."""

    old: bytes
    seq: int | None


def json_list(values: Iterable[bytes]) -> bytes:
    """Return JSON values as a JSON array."""
    return b"[%b]" % b",".join(values)


def check_depth(value: Any) -> None:
    """Raise LimitExceeded for a value that is nested too deeply to be kept."""
    if depth_of(value) > MAX_VALUE_DEPTH:
        raise LimitExceeded(f"A value must not be nested in more than {MAX_VALUE_DEPTH} levels.")


def json_text(value: Any) -> bytes:
    """Return a value as JSON that can be kept. Raise SerializationFailed, LimitExceeded."""
    check_depth(value)
    return Payload.of(value).json()


class ItemStore:
    """The items of one table.

    ``groups`` are the fields that make up the group of an item, outermost first; ``key`` is the
    field of its key within the group; ``fixed`` are fields that all items of the store share.
    ``take_number`` counts what happens in a group, and keeps others out of it meanwhile.
    """

    def __init__(
        self,
        model: type[Item],
        *,
        groups: tuple[str, ...],
        key: str,
        fixed: Mapping[str, str] | None = None,
        take_number: Callable[[Any], int] | None = None,
    ) -> None:
        self._model = model
        self._groups = groups
        self._key = key
        self._fixed = dict(fixed or {})
        self._take_number = take_number

    def set(self, group: Group, key: str, value: bytes) -> Written:
        """Give an item a value. Raise InvalidKey, ValueTooLarge."""
        written = self._write(group, key, lambda old: (value, []))
        return Written(old=written.old, new=written.new, seq=written.seq)

    def update(self, group: Group, key: str, ops: Sequence[Any]) -> Updated:
        """Apply update operations (``update_ops``) to an item; one that is missing begins as {}.

        Raise InvalidKey, ValueTooLarge, LimitExceeded, and InvalidArguments for what is no
        operation.
        """
        parsed = parse_ops(ops)

        def change(old: bytes | None) -> tuple[bytes, list[Problem]]:
            value, problems = apply_ops(MISSING if old is None else from_json(old), parsed)
            return json_text(value), problems

        return self._write(group, key, change)

    def get(self, group: Group, key: str) -> bytes | None:
        """Return the value of an item, None if there is none. Raise InvalidKey."""
        value = self._item(group, key).values_list("value", flat=True).first()
        return None if value is None else value.encode()

    def delete(self, group: Group, key: str) -> bytes | None:
        """Delete an item and return its value, None if there was none. Raise InvalidKey."""
        removed = self.remove(group, key)
        return None if removed is None else removed.old

    def remove(self, group: Group, key: str) -> Removed | None:
        """Delete an item, if there is one. Raise InvalidKey."""
        found = self._item(group, key)
        with suppress(_NotThere), transaction.atomic():
            seq = self._number(group)
            row = found.select_for_update().first()
            if row is None:
                raise _NotThere
            row.delete()
            return Removed(old=row.value.encode(), seq=seq)
        return None

    def values(self, group: Group) -> list[bytes]:
        """Return the values of a group, in the order they were first set.

        Raise InvalidKey, and PayloadTooLarge for more than the largest frame has room for.
        """
        texts = self.rows(group).values_list("value", flat=True)
        return gather(texts.iterator(chunk_size=CHUNK))

    def groups(self, prefix: Group) -> list[str]:
        """Return the names of the groups below ``prefix`` that have items, sorted.

        ``()`` is the outermost level. Raise InvalidKey.
        """
        check_group(prefix)
        rows = self._rows().filter(**dict(zip(self._groups, prefix, strict=False)))
        names = rows.order_by().values_list(self._groups[len(prefix)], flat=True).distinct()
        # Not by the database, whose collation may be any.
        return sorted(names)

    def rows(self, group: Group, key: str | None = None) -> QuerySet[Item]:
        """Return the rows of a group, or the one of an item. Raise InvalidKey."""
        if key is not None:
            return self._item(group, key)
        check_group(group)
        rows = self._rows().filter(**dict(zip(self._groups, group, strict=True)))
        return rows.order_by("pk")

    def _rows(self) -> QuerySet[Item]:
        return self._model._default_manager.filter(**self._fixed)

    def _item(self, group: Group, key: str) -> QuerySet[Item]:
        check_group(group)
        check_key(key)
        return self._rows().filter(**self._fields(group, key))

    def _fields(self, group: Group, key: str) -> dict[str, str]:
        return {**dict(zip(self._groups, group, strict=True)), self._key: key}

    def _write(self, group: Group, key: str, change: Change) -> Updated:
        """Write what ``change`` makes of the value."""

        found = self._item(group, key)

        def write() -> Updated:
            seq = self._number(group)
            row = found.select_for_update().first()
            old = None if row is None else row.value.encode()
            new, problems = change(old)
            _check_size(new)
            self._save(row, group, key, new.decode())
            return Updated(old=old, new=new, seq=seq, errors=problems)

        return outlast_races(write)

    def _number(self, group: Group) -> int | None:
        return None if self._take_number is None else self._take_number(group)

    def _save(self, row: Item | None, group: Group, key: str, value: str) -> None:
        if row is None:
            fields = {**self._fixed, **self._fields(group, key)}
            self._model._default_manager.create(**fields, value=value)
        else:
            row.value = value
            row.save(update_fields=["value", "updated_at"])


class _NotThere(Exception):
    """There was nothing to delete: a number that was taken for it is given back."""


def gather(texts: Iterable[str]) -> list[bytes]:
    """Return values as bytes. Raise PayloadTooLarge for more than the largest frame may have."""
    values: list[bytes] = []
    size = 0
    for text in texts:
        values.append(text.encode())
        size += len(values[-1])
        if size > settings.III_MAX_FRAME_BYTES:
            limit = settings.III_MAX_FRAME_BYTES
            raise PayloadTooLarge(f"The values have more than {limit} bytes together.")
    return values


def _check_size(value: bytes) -> None:
    if len(value) > settings.III_STATE_MAX_VALUE_BYTES:
        raise ValueTooLarge.of(len(value), settings.III_STATE_MAX_VALUE_BYTES)


state_items = ItemStore(StateItem, fixed={"store": "state"}, groups=("scope",), key="key")
kv_items = ItemStore(StateItem, fixed={"store": "kv"}, groups=("scope",), key="key")
stream_items = ItemStore(
    StreamItem,
    groups=("stream_name", "group_id"),
    key="item_id",
    take_number=take_numbers,
)
