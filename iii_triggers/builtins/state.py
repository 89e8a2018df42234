"""The functions of the state: values by scope and key (trigger reference, section 7.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Raw, Struct, UnsetType

from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.payload import Payload
from iii_triggers.store.changes import StateChange
from iii_triggers.store.items import Updated, Written, json_list, state_items
from iii_triggers.store.update_ops import UpdateOp

from .base import builtin
from .items import given_text, run_items

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine


class ItemInput(Struct):
    """Which item: ``{"scope": str, "key": str}``."""

    scope: str
    key: str


class SetInput(ItemInput):
    """An item and its value; ``data`` is the name that older SDKs have for ``value``."""

    value: Raw | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


class UpdateInput(ItemInput):
    """An item and update operations (section 7.3)."""

    ops: list[UpdateOp]


class ScopeInput(Struct):
    """Which scope: ``{"scope": str}``."""

    scope: str


class NoInput(Struct):
    """Nothing is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFunctions:
    """The functions. All raise InvalidKey, and ItemFailed with the code of the reference."""

    engine: Engine
    on_change: Callable[[StateChange], None]
    """Called on the loop of the engine for what was written, in the order it was written."""

    async def get(self, data: ItemInput, context: CallContext) -> Payload | None:
        """Return the value; nothing if there is none."""
        value = await run_items(
            self.engine,
            state_items.get,
            (data.scope,),
            data.key,
            code="GET_ERROR",
            what="get value",
        )
        return None if value is None else Payload.of_json(value)

    async def set(self, data: SetInput, context: CallContext) -> Payload:
        """Write a value: ``{"old_value": any, "new_value": any}``. Raise ValueTooLarge."""
        value = given_text(data.data if data.value is UNSET else data.value, context)

        def work() -> Written:
            written = state_items.set((data.scope,), data.key, value)
            self._tell(data, written.old, written.new)
            return written

        written = await run_items(self.engine, work, code="SET_ERROR", what="set value")
        return Payload.of_json(written.json())

    async def delete(self, data: ItemInput, context: CallContext) -> Payload | None:
        """Delete an item and return its value; nothing if there was none."""

        def work() -> bytes | None:
            old = state_items.delete((data.scope,), data.key)
            self._tell(data, old, None)
            return old

        old = await run_items(self.engine, work, code="DELETE_ERROR", what="delete value")
        return None if old is None else Payload.of_json(old)

    async def update(self, data: UpdateInput, context: CallContext) -> Payload:
        """Apply operations: ``{"old_value": any, "new_value": any, "errors"?: [...]}``.

        Raise ValueTooLarge, LimitExceeded.
        """

        def work() -> Updated:
            updated = state_items.update((data.scope,), data.key, data.ops)
            self._tell(data, updated.old, updated.new)
            return updated

        updated = await run_items(self.engine, work, code="UPDATE_ERROR", what="update value")
        return Payload.of_json(updated.json())

    async def list(self, data: ScopeInput, context: CallContext) -> Payload:
        """Return the values of a scope, in the order they were first set."""
        values = await run_items(
            self.engine, state_items.values, (data.scope,), code="LIST_ERROR", what="list values"
        )
        return Payload.of_json(json_list(values))

    async def list_groups(self, data: NoInput, context: CallContext) -> dict[str, Any]:
        """Return the scopes that have items: ``{"groups": [str]}``, sorted."""
        scopes = await run_items(
            self.engine, state_items.groups, (), code="LIST_GROUPS_ERROR", what="list groups"
        )
        return {"groups": scopes}

    def _tell(self, item: ItemInput, old: bytes | None, new: bytes | None) -> None:
        """Tell of a change from the thread that made it: the caller may have given up waiting."""
        change = StateChange(scope=item.scope, key=item.key, old=old, new=new)
        if self.engine.loop is not None:
            self.engine.loop.call_soon_threadsafe(self.on_change, change)


def state_functions(
    engine: Engine, on_change: Callable[[StateChange], None]
) -> Iterator[LocalFunction]:
    """Return the functions, each with the dotted alias of the oldest SDKs."""
    state = StateFunctions(engine=engine, on_change=on_change)
    family: list[tuple[str, type[Struct], Callable[..., Any], str]] = [
        ("state::get", ItemInput, state.get, "Read a value."),
        ("state::set", SetInput, state.set, "Write a value."),
        ("state::delete", ItemInput, state.delete, "Delete a value."),
        ("state::update", UpdateInput, state.update, "Change a value by operations, atomically."),
        ("state::list", ScopeInput, state.list, "List the values of a scope."),
        ("state::list_groups", NoInput, state.list_groups, "List the scopes."),
    ]
    for function_id, input_type, handler, description in family:
        for id_ in (function_id, function_id.replace("::", ".")):
            yield from builtin(id_, input_type, handler, description=description)
