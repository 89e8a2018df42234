"""Reads and writes of items: in the store of a worker where a stream has one, else in ours.

Every write is told as an event, in the order in which this node wrote.
"""

from __future__ import annotations

import asyncio
import itertools
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
from iii_triggers.store.items import Updated, Written, json_text, stream_items
from iii_triggers.store.update_ops import MISSING, apply_ops, parse_ops

from .custom import Verb
from .custom_calls import CustomCalls
from .events import Create, Delete, StreamEvent, Update, frame
from .places import Place

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
    position: int | None = None
    """Where the read stands among the writes of this node; None if that is unknown."""


@dataclass(slots=True, kw_only=True)
class StreamStore:
    """All items of all streams, as ``stream::*`` and the syncs of clients see them."""

    engine: Engine
    tell: Callable[[StreamEvent], None]
    _positions: itertools.count[int] = field(default_factory=itertools.count)
    _locks: WeakValueDictionary[Place, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _writing: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def custom(self) -> CustomCalls:
        """The stores of workers."""
        return CustomCalls(self.engine)

    async def get(self, place: Place, namespaces: Namespaces = DEFAULT) -> Read:
        """Read one item; NOTHING if it is not there."""
        function = self.custom.find("get", place.stream_name, namespaces)
        if function is not None:
            return Read(value=await self.custom.get(function, place))
        found, position = await self._own(stream_items.get, place.group, _item(place))
        value = NOTHING if found is None else Payload.of_json(found)
        return Read(value=value, position=position)

    async def values(
        self, stream_name: str, group_id: str, namespaces: Namespaces = DEFAULT
    ) -> Read:
        """Read the values of a group, in the order in which they were first set."""
        function = self.custom.find("list", stream_name, namespaces)
        if function is not None:
            return Read(value=await self.custom.list(function, stream_name, group_id))
        found, position = await self._own(stream_items.values, (stream_name, group_id))
        return Read(value=_array(found), position=position)

    async def list_groups(self, stream_name: str, namespaces: Namespaces = DEFAULT) -> Payload:
        """Read the ids of the groups of a stream that have items."""
        function = self.custom.find("list_groups", stream_name, namespaces)
        if function is not None:
            return await self.custom.list_groups(function, stream_name)
        groups, _ = await self._own(stream_items.groups, (stream_name,))
        return Payload.of(groups)

    async def list_all(self) -> dict[str, list[str]]:
        """Read the groups of every stream in our own store, by stream, all sorted."""
        groups, _ = await self._own(_all_groups)
        streams: dict[str, list[str]] = {}
        for stream_name, group_id in sorted(groups):
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
            written, position = await self.custom.set(function, place, data), None
        else:
            written, position = await self._own(stream_items.set, place.group, _item(place), data)
        self._tell_written(place, written.old, written.new, position)
        return written

    async def _delete(self, place: Place, namespaces: Namespaces) -> bytes | None:
        old: bytes | None
        function = self.custom.find("delete", place.stream_name, namespaces)
        if function is None:
            old, position = await self._own(stream_items.delete, place.group, _item(place))
        else:
            # Older SDKs do not say what they deleted.
            before = (await self.get(place, namespaces)).value if function.is_old else NOTHING
            old, position = await self.custom.delete(function, place, before), None
        if old is not None:
            text = frame(place, Delete(Raw(old)))
            self.tell(StreamEvent(place=place, text=text, position=position))
        return old

    async def _update(self, place: Place, ops: Sequence[Any], namespaces: Namespaces) -> Updated:
        function = self.custom.find("update", place.stream_name, namespaces)
        position = None
        if function is not None:
            updated = await self.custom.update(function, place, ops)
        elif self._has_custom("get", place, namespaces) or self._has_custom(
            "set", place, namespaces
        ):
            return await self._read_and_write(place, ops, namespaces)
        else:
            updated, position = await self._own(stream_items.update, place.group, _item(place), ops)
        self._tell_written(place, updated.old, updated.new, position)
        return updated

    async def _read_and_write(
        self, place: Place, ops: Sequence[Any], namespaces: Namespaces
    ) -> Updated:
        """Update through the ``get`` and ``set`` of a custom store: one at a time on this node."""
        lock = self._locks.setdefault(place, asyncio.Lock())
        async with lock:
            value = (await self.get(place, namespaces)).value
            old = value.value() if value.present else MISSING
            new, errors = apply_ops(old, parse_ops(ops))
            written = await self._set(place, json_text(new), namespaces)
        return Updated(old=written.old, new=written.new, errors=errors)

    def _has_custom(self, verb: Verb, place: Place, namespaces: Namespaces) -> bool:
        return self.custom.find(verb, place.stream_name, namespaces) is not None

    def _tell_written(
        self, place: Place, old: bytes | None, new: bytes, position: int | None
    ) -> None:
        happening = Create(Raw(new)) if old is None else Update(Raw(new))
        text = frame(place, happening)
        self.tell(StreamEvent(place=place, text=text, position=position))

    async def _own(self, work: Callable[..., T], *arguments: Any) -> tuple[T, int]:
        """Work on our own store; the number is where that stands among all work of this node.

        Work is done by one thread, and who waits for it goes on in the order of the work.
        """

        def numbered() -> tuple[T, int]:
            return work(*arguments), next(self._positions)

        try:
            return await self.engine.database.run(numbered)
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


def _array(values: Sequence[bytes]) -> Payload:
    return Payload.of_json(b"[" + b",".join(values) + b"]")
