"""``engine::triggers::*`` (protocol reference, section 7.5), and ``engine::fire_triggers``.

The latter is ours: what ``fire_triggers`` is in the site, for processes that only have a socket.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.trigger_values import Trigger

from .base import builtin

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

TYPES_SINCE = (0, 13, 0)
"""Until this SDK version ``engine::triggers::list`` meant triggers, since then trigger types."""


class ListInput(Struct):
    """Filters of the list."""

    search: str | None = None
    prefix: str | None = None
    include_internal: bool | None = None


class FireInput(Struct):
    """Which triggers to fire, and what their functions get."""

    trigger_type: str
    payload: Any = None
    namespace: str = "default"


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    def list_(data: ListInput, context: CallContext) -> dict[str, Any]:
        version = context.caller.sdk_version if context.caller else None
        lists_triggers = version is not None and version < TYPES_SINCE
        rows = _triggers(engine, data) if lists_triggers else _types(engine, data)
        return {"triggers": sorted(rows, key=lambda row: str(row["id"]))}

    def fire(data: FireInput, context: CallContext) -> dict[str, int]:
        fired = engine.fire_triggers(data.trigger_type, data.payload, namespace=data.namespace)
        return {"fired": fired}

    yield from builtin(
        "engine::fire_triggers", FireInput, fire, description="Fire all triggers of a type."
    )
    yield from builtin(
        "engine::triggers::list", ListInput, list_, description="List triggers or their types."
    )


def _types(engine: Engine, wanted: ListInput) -> list[dict[str, Any]]:
    return [
        {
            "id": type_.id,
            "namespace": type_.namespace,
            "worker_name": (type_.worker.info.name if type_.worker else None) or "engine",
            "description": type_.description,
        }
        for type_ in engine.triggers.types()
        if _fits(type_.id, f"{type_.id} {type_.description}", wanted)
    ]


def _triggers(engine: Engine, wanted: ListInput) -> list[dict[str, Any]]:
    return [
        _row(entry.trigger)
        for entry in engine.triggers.entries()
        if _fits(entry.trigger.function_id, entry.trigger.id, wanted)
    ]


def _row(trigger: Trigger) -> dict[str, Any]:
    row = {
        "id": trigger.id,
        "trigger_type": trigger.trigger_type,
        "function_id": trigger.function_id,
        "config": trigger.config,
    }
    return row if trigger.metadata is None else {**row, "metadata": trigger.metadata}


def _fits(id_: str, text: str, wanted: ListInput) -> bool:
    return (
        (bool(wanted.include_internal) or not id_.startswith("engine::"))
        and id_.startswith(wanted.prefix or "")
        and (wanted.search or "").lower() in text.lower()
    )
