"""The key-value server of the oldest SDKs: values by index and key, which fire nothing.

Trigger reference, section 7.4. Its values are not those of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Raw, Struct, UnsetType

from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.payload import Payload
from iii_triggers.store.items import json_list, kv_items
from iii_triggers.store.update_ops import UpdateOp

from .base import builtin
from .items import given_text, run_items

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine


class ItemInput(Struct):
    """Which item: ``{"index": str, "key": str}``."""

    index: str
    key: str


class SetInput(ItemInput):
    """An item and its value."""

    value: Raw | UnsetType = UNSET


class UpdateInput(ItemInput):
    """An item and update operations (section 7.3)."""

    ops: list[UpdateOp]


class IndexInput(Struct):
    """Which index: ``{"index": str}``."""

    index: str


class PrefixInput(Struct):
    """How the names of indexes begin: ``{"prefix": str}``."""

    prefix: str


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family, each with its dotted alias."""

    async def get(data: ItemInput, context: CallContext) -> Payload | None:
        value = await run_items(
            engine, kv_items.get, (data.index,), data.key, code="GET_ERROR", what="get value"
        )
        return None if value is None else Payload.of_json(value)

    async def set_(data: SetInput, context: CallContext) -> Payload:
        value = given_text(data.value, context)
        written = await run_items(
            engine, kv_items.set, (data.index,), data.key, value, code="SET_ERROR", what="set value"
        )
        return Payload.of_json(written.json())

    async def delete(data: ItemInput, context: CallContext) -> Payload:
        old = await run_items(
            engine,
            kv_items.delete,
            (data.index,),
            data.key,
            code="DELETE_ERROR",
            what="delete value",
        )
        return Payload.of_json(b'{"old_value":%b}' % (old or b"null"))

    async def update(data: UpdateInput, context: CallContext) -> Payload:
        updated = await run_items(
            engine,
            kv_items.update,
            (data.index,),
            data.key,
            data.ops,
            code="UPDATE_ERROR",
            what="update value",
        )
        return Payload.of_json(updated.json())

    async def list_(data: IndexInput, context: CallContext) -> Payload:
        values = await run_items(
            engine, kv_items.values, (data.index,), code="LIST_ERROR", what="list values"
        )
        return Payload.of_json(json_list(values))

    async def list_keys(data: PrefixInput, context: CallContext) -> list[str]:
        """Return names of indexes, not of keys: SDKs rely on it."""
        indexes = await run_items(
            engine, kv_items.groups, (), code="LIST_ERROR", what="list values"
        )
        return [index for index in indexes if index.startswith(data.prefix)]

    family: list[tuple[str, type[Struct], Callable[..., Any], str]] = [
        ("kv_server::get", ItemInput, get, "Read a value."),
        ("kv_server::set", SetInput, set_, "Write a value."),
        ("kv_server::delete", ItemInput, delete, "Delete a value."),
        ("kv_server::update", UpdateInput, update, "Change a value by operations, atomically."),
        ("kv_server::list", IndexInput, list_, "List the values of an index."),
        ("kv_server::list_keys_with_prefix", PrefixInput, list_keys, "List indexes by prefix."),
    ]
    for function_id, input_type, handler, description in family:
        for id_ in (function_id, function_id.replace("::", ".")):
            yield from builtin(id_, input_type, handler, description=description)
