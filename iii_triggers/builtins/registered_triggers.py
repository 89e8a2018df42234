"""``engine::registered-triggers::*``: the triggers themselves (protocol reference, section 7.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.protocol.errors import NotFound

from . import elsewhere
from .base import builtin
from .function_details import BadName, function_details
from .trigger_rows import TriggerFacts, registered_row, triggers_here, triggers_of_other_nodes
from .triggers import type_detail
from .visibility import viewer

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine


class ListInput(Struct):
    """Filters of the list."""

    search: str | None = None
    trigger_type: str | None = None
    function_id: str | None = None
    worker: str | None = None
    include_internal: bool | None = None


class InfoInput(Struct):
    """Which trigger; ``namespace`` tells triggers of the site with one id apart."""

    id: str
    namespace: str | None = None


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    async def list_(data: ListInput, context: CallContext) -> dict[str, Any]:
        known = await visible_triggers(engine, context)
        listed = [trigger for trigger in known if _fits(engine, trigger, data)]
        return {"registered_triggers": [registered_row(trigger) for trigger in listed]}

    async def info(data: InfoInput, context: CallContext) -> dict[str, Any]:
        known = await visible_triggers(engine, context)
        return await _detail(engine, context, _only(known, data))

    yield from builtin(
        "engine::registered-triggers::list", ListInput, list_, description="List triggers."
    )
    yield from builtin(
        "engine::registered-triggers::info", InfoInput, info, description="Tell all of a trigger."
    )


async def visible_triggers(engine: Engine, context: CallContext) -> list[TriggerFacts]:
    """Return the triggers of every node whose function the caller may know, by id."""
    may_see = viewer(engine, context)
    away = await elsewhere.read(engine, triggers_of_other_nodes)
    known = [t for t in [*triggers_here(engine), *away] if may_see(*t.function_key)]
    return sorted(known, key=lambda trigger: (trigger.id, trigger.namespace))


def _fits(engine: Engine, trigger: TriggerFacts, wanted: ListInput) -> bool:
    text = f"{trigger.id}\n{trigger.trigger_type}\n{trigger.function_id}".lower()
    return (
        (bool(wanted.include_internal) or not trigger.function_id.startswith("engine::"))
        and _is_of_type(engine, trigger, wanted.trigger_type)
        and wanted.function_id in (None, trigger.function_id)
        and wanted.worker in (None, trigger.worker_name, trigger.worker_id)
        and (wanted.search or "").lower() in text
    )


def _is_of_type(engine: Engine, trigger: TriggerFacts, type_id: str | None) -> bool:
    """Tell whether a trigger has a type, by whatever name either calls it."""
    canonical = engine.triggers.canonical
    return type_id is None or canonical(type_id) == canonical(trigger.trigger_type)


def _only(known: list[TriggerFacts], wanted: InfoInput) -> TriggerFacts:
    found = [trigger for trigger in known if trigger.id == wanted.id]
    if wanted.namespace is not None:
        found = [trigger for trigger in found if trigger.namespace == wanted.namespace]
    elif len(found) > 1:
        found = [trigger for trigger in found if trigger.namespace == "default"] or found
    if not found:
        raise NotFound(f"Trigger '{wanted.id}' is not registered.")
    if len(found) > 1:
        names = ", ".join(trigger.namespace for trigger in found)
        raise NotFound(f"Trigger '{wanted.id}' is ambiguous: it is in {names}.")
    return found[0]


async def _detail(engine: Engine, context: CallContext, trigger: TriggerFacts) -> dict[str, Any]:
    """Return the row, what else the trigger has, its type and its function (null: not there)."""
    detail = registered_row(trigger)
    if trigger.metadata is not None:
        detail["metadata"] = trigger.metadata
    if trigger.error:
        detail["error"] = trigger.error
    functions = await function_details(
        engine, context, [trigger.function_id], namespace=trigger.namespace
    )
    function = functions[trigger.function_id]
    detail["trigger"] = await _type_or_none(engine, trigger)
    detail["function"] = None if isinstance(function, BadName) else function
    return detail


async def _type_or_none(engine: Engine, trigger: TriggerFacts) -> dict[str, Any] | None:
    try:
        return await type_detail(engine, trigger.trigger_type, namespace=None)
    except NotFound:
        return None
