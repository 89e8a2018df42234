"""Calls of custom stores, and what must come back (trigger reference, section 6.5).

``get``, ``list`` and ``list_groups`` pass results and errors through as they are. The others
return ``{"old_value": any, "new_value": any}``; ``delete`` only the old value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from iii_triggers.engine.calls import Call
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.codec import is_null
from iii_triggers.protocol.errors import IiiError
from iii_triggers.store.items import Updated, Written

from .custom import CustomFunction, CustomStores, Verb
from .places import Place

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

NULL = Raw(b"null")

R = TypeVar("R", bound=Struct)


class ResultNotUnderstood(IiiError):
    """Failed to convert result to value"""

    code = "JSON_ERROR"


class NoResult(IiiError):
    """Function returned no result"""


class WriteResult(Struct):
    """What ``set`` and ``update`` return."""

    new_value: Raw
    old_value: Raw = NULL
    errors: list[Any] = []


class DeleteResult(Struct):
    """What ``delete`` returns."""

    old_value: Raw = NULL


@dataclass(frozen=True, slots=True)
class CustomCalls:
    """Finds and calls the functions of custom stores."""

    engine: Engine

    def find(
        self, verb: Verb, stream_name: str, namespaces: Iterable[str]
    ) -> CustomFunction | None:
        """Return the function that does this for a stream; see CustomStores."""
        return CustomStores(self.engine.functions).find(verb, stream_name, namespaces)

    async def get(self, function: CustomFunction, place: Place) -> Payload:
        """Read an item."""
        return await self._call(function, _names(place))

    async def list(self, function: CustomFunction, stream_name: str, group_id: str) -> Payload:
        """Read the values of a group."""
        return await self._call(function, {"stream_name": stream_name, "group_id": group_id})

    async def list_groups(self, function: CustomFunction, stream_name: str) -> Payload:
        """Read the groups of a stream."""
        return await self._call(function, {"stream_name": stream_name})

    async def set(self, function: CustomFunction, place: Place, data: bytes) -> Written:
        """Set an item. Raise ResultNotUnderstood, NoResult and what the function raises."""
        answer = await self._call(function, {**_names(place), "data": Raw(data)})
        result = _converted(answer, WriteResult)
        return Written(old=_old(result.old_value), new=bytes(result.new_value))

    async def update(self, function: CustomFunction, place: Place, ops: Sequence[Any]) -> Updated:
        """Update an item; raises like ``set``."""
        answer = await self._call(function, {**_names(place), "ops": list(ops)})
        result = _converted(answer, WriteResult)
        return Updated(
            old=_old(result.old_value), new=bytes(result.new_value), errors=result.errors
        )

    async def delete(self, function: CustomFunction, place: Place, before: Payload) -> bytes | None:
        """Delete an item and return its old value; raises like ``set``.

        A function of an older SDK returns nothing: then it was what was there ``before``.
        """
        answer = await self._call(function, _names(place))
        if function.is_old and not answer.present:
            return before.json() if before.present else None
        return _old(_converted(answer, DeleteResult).old_value)

    async def _call(self, function: CustomFunction, data: dict[str, Any]) -> Payload:
        call = Call(
            function_id=function.function_id,
            namespace=function.namespace,
            # As text: a function of the site must not see the texts inside.
            data=Payload.of_json(Payload.of(data).json()),
        )
        return await self.engine.invoker.invoke(call)


def _names(place: Place) -> dict[str, Any]:
    return {
        "stream_name": place.stream_name,
        "group_id": place.group_id,
        "item_id": place.item_id,
    }


def _converted(answer: Payload, type_: type[R]) -> R:
    if not answer.present:
        raise NoResult()
    try:
        return msgspec.json.decode(answer.json(), type=type_)
    except msgspec.DecodeError as error:
        raise ResultNotUnderstood(f"Failed to convert result to value: {error}") from error


def _old(value: Raw) -> bytes | None:
    return None if is_null(value) else bytes(value)
