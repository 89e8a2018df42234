"""Reads and writes of items: in the store of a worker where a stream has one, else in ours.

Every write is told as an event, with its number in the group.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from django.db import DatabaseError
from msgspec import Raw

from iii_triggers.engine.payload import NOTHING, Payload
from iii_triggers.models import StreamItem
from iii_triggers.protocol.errors import IiiError
from iii_triggers.store.counts import number_of
from iii_triggers.store.items import Updated, Written, json_text, stream_items
from iii_triggers.store.snapshots import group_snapshot, item_snapshot
from iii_triggers.store.update_ops import MISSING, apply_ops, parse_ops

from .custom import Verb
from .custom_calls import CustomCalls
from .events import Create, Delete, Happening, StreamEvent, Sync, Update, event_of, frame
from .places import Place
from .sending import Sending

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

logger = logging.getLogger(__name__)

T = TypeVar("T")

Namespaces = Sequence[str]
DEFAULT: Namespaces = ("default",)
"""Where custom stores are looked for, in this order."""


class OwnStoreFailed(IiiError):
    """Our own store failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read."""

    value: Payload
    seq: int
    """The number of the newest event that is in it for sure."""

    def frame(self, place: Place) -> str:
        """Return the sync that tells of it."""
        return frame(place, Sync(Raw(self.value.json())), seq=self.seq).decode()


@dataclass(slots=True, kw_only=True)
class StreamStore:
    """All items of all streams, as ``stream::*`` and the syncs of clients see them."""

    engine: Engine
    tell: Callable[[StreamEvent], None]
    sending: Sending
    """Tells of what is written elsewhere."""
    _locks: WeakValueDictionary[Place, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _writing: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def custom(self) -> CustomCalls:
        """The stores of workers."""
        return CustomCalls(self.engine)

    async def sync(self, place: Place) -> Read:
        """Read what a client that joins is told: the values of the group, or the item."""
        verb: Verb = "list" if place.item_id is None else "get"
        if self._has_custom(verb, place, DEFAULT):
            # Its events are numbered after they were written: none up to this one is missing.
            seq = await self.number(place)
            return Read(value=await self._custom_sync(place), seq=seq)
        if place.item_id is None:
            group = await self._own(group_snapshot, place.group)
            return Read(value=_array(group.value), seq=group.seq)
        item = await self._own(item_snapshot, place.group, place.item_id)
        return Read(value=_value(item.value), seq=item.seq)

    async def number(self, place: Place) -> int:
        """Read the number of the newest event of a group."""
        return await self._own(number_of, place.group)

    async def _custom_sync(self, place: Place) -> Payload:
        if place.item_id is None:
            return await self.values(place.stream_name, place.group_id)
        return await self.get(place)

    async def get(self, place: Place, namespaces: Namespaces = DEFAULT) -> Payload:
        """Read one item; NOTHING if it is not there."""
        function = self.custom.find("get", place.stream_name, namespaces)
        if function is not None:
            return await self.custom.get(function, place)
        return _value(await self._own(stream_items.get, place.group, _item(place)))

    async def values(
        self, stream_name: str, group_id: str, namespaces: Namespaces = DEFAULT
    ) -> Payload:
        """Read the values of a group, in the order in which they were first set."""
        function = self.custom.find("list", stream_name, namespaces)
        if function is not None:
            return await self.custom.list(function, stream_name, group_id)
        return _array(await self._own(stream_items.values, (stream_name, group_id)))

    async def list_groups(self, stream_name: str, namespaces: Namespaces = DEFAULT) -> Payload:
        """Read the ids of the groups of a stream that have items."""
        function = self.custom.find("list_groups", stream_name, namespaces)
        if function is not None:
            return await self.custom.list_groups(function, stream_name)
        return Payload.of(await self._own(stream_items.groups, (stream_name,)))

    async def list_all(self) -> dict[str, list[str]]:
        """Read the groups of every stream in our own store, by stream, all sorted."""
        streams: dict[str, list[str]] = {}
        for stream_name, group_id in sorted(await self._own(_all_groups)):
            streams.setdefault(stream_name, []).append(group_id)
        return streams

    async def set(self, place: Place, data: bytes, namespaces: Namespaces = DEFAULT) -> Written:
        """Set an item, and tell."""
        return await self._whole(self._set(place, data, namespaces))

    async def delete(self, place: Place, namespaces: Namespaces = DEFAULT) -> bytes | None:
        """Delete an item, tell, and return its last value; None if it was not there."""
        return await self._whole(self._delete(place, namespaces))

    async def update(
        self, place: Place, ops: Sequence[Any], namespaces: Namespaces = DEFAULT
    ) -> Updated:
        """Change an item with operations, atomically in our own store, and tell."""
        return await self._whole(self._update(place, ops, namespaces))

    async def _set(self, place: Place, data: bytes, namespaces: Namespaces) -> Written:
        function = self.custom.find("set", place.stream_name, namespaces)
        if function is not None:
            written = await self.custom.set(function, place, data)
        else:
            written = await self._own(stream_items.set, place.group, _item(place), data)
        await self._tell(place, _written(written), written.seq)
        return written

    async def _delete(self, place: Place, namespaces: Namespaces) -> bytes | None:
        function = self.custom.find("delete", place.stream_name, namespaces)
        if function is None:
            removed = await self._own(stream_items.remove, place.group, _item(place))
            old, seq = (removed.old, removed.seq) if removed else (None, None)
        else:
            # Older SDKs do not say what they deleted.
            before = await self.get(place, namespaces) if function.is_old else NOTHING
            old, seq = await self.custom.delete(function, place, before), None
        if old is not None:
            await self._tell(place, Delete(Raw(old)), seq)
        return old

    async def _update(self, place: Place, ops: Sequence[Any], namespaces: Namespaces) -> Updated:
        function = self.custom.find("update", place.stream_name, namespaces)
        if function is not None:
            updated = await self.custom.update(function, place, ops)
        elif self._has_custom("get", place, namespaces) or self._has_custom(
            "set", place, namespaces
        ):
            return await self._read_and_write(place, ops, namespaces)
        else:
            updated = await self._own(stream_items.update, place.group, _item(place), ops)
        await self._tell(place, _written(updated), updated.seq)
        return updated

    async def _read_and_write(
        self, place: Place, ops: Sequence[Any], namespaces: Namespaces
    ) -> Updated:
        """Update through the ``get`` and ``set`` of a custom store: one at a time on this node."""
        lock = self._locks.setdefault(place, asyncio.Lock())
        async with lock:
            value = await self.get(place, namespaces)
            old = value.value() if value.present else MISSING
            new, errors = apply_ops(old, parse_ops(ops))
            written = await self._set(place, json_text(new), namespaces)
        return Updated(old=written.old, new=written.new, errors=errors)

    def _has_custom(self, verb: Verb, place: Place, namespaces: Namespaces) -> bool:
        return self.custom.find(verb, place.stream_name, namespaces) is not None

    async def _tell(self, place: Place, happening: Happening, seq: int | None) -> None:
        if seq is None:
            await self.sending.send(place, happening)
        else:
            self.tell(event_of(place, happening, seq=seq))

    async def _own(self, work: Callable[..., T], *arguments: Any) -> T:
        """Work on our own store. Raise OwnStoreFailed."""
        try:
            return await self.engine.database.run(work, *arguments)
        except DatabaseError as error:
            logger.exception("The stream store failed.")
            raise OwnStoreFailed("The database failed.") from error
        except IiiError as error:
            raise OwnStoreFailed(error.message) from error

    async def _whole(self, writing: Coroutine[Any, Any, T]) -> T:
        """Write to the end, even if the caller gives up: what was written must be told."""
        task = asyncio.get_running_loop().create_task(writing)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return await asyncio.shield(task)


def _all_groups() -> list[tuple[str, str]]:
    rows = StreamItem.objects.order_by().values_list("stream_name", "group_id")
    return list(rows.distinct())


def _item(place: Place) -> str:
    return place.item_id or ""


def _value(found: bytes | None) -> Payload:
    return NOTHING if found is None else Payload.of_json(found)


def _written(written: Written) -> Happening:
    return Create(Raw(written.new)) if written.old is None else Update(Raw(written.new))


def _array(values: Sequence[bytes]) -> Payload:
    return Payload.of_json(b"[" + b",".join(values) + b"]")
