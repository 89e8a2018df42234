"""``engine::triggers::*``, ``engine::trigger-types::list`` and ``engine::fire_trigger(s)``.

Protocol reference, section 7.5. The last ones are ours: what firing is in the site, for processes
that only have a socket.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from iii_triggers.engine.firing import call_by_hand
from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Trigger
from iii_triggers.protocol.errors import InvalidConfig, InvalidNamespace, NotFound

from . import elsewhere
from .base import builtin
from .eras import is_before_rework
from .trigger_rows import (
    TypeFacts,
    instance_row,
    triggers_here,
    triggers_of_other_nodes,
    type_row,
    types_here,
    types_of_other_nodes,
)
from .visibility import viewer

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine


class ListInput(Struct):
    """Filters of the list."""

    search: str | None = None
    prefix: str | None = None
    worker: str | None = None
    include_internal: bool | None = None


class InfoInput(Struct):
    """Which type."""

    id: str
    namespace: str | None = None


class TypesInput(Struct):
    """Filter of the list of SDKs 0.11 and 0.12."""

    include_internal: bool | None = None


class FireInput(Struct):
    """Which triggers to fire, and what their functions get."""

    trigger_type: str
    payload: Any = None
    namespace: str = "default"


class FireOneInput(Struct):
    """Which trigger to fire, and what its function gets."""

    trigger_id: str
    payload: Any = None
    namespace: str = "default"


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    async def list_(data: ListInput, context: CallContext) -> dict[str, Any]:
        if is_before_rework(context):
            return {"triggers": await _instances(engine, data, context)}
        types = [type_ for type_ in await known_types(engine) if _fits(type_, data)]
        return {"triggers": [type_row(type_) for type_ in types]}

    async def info(data: InfoInput, context: CallContext) -> dict[str, Any]:
        return await type_detail(engine, data.id, namespace=data.namespace)

    async def types(data: TypesInput, context: CallContext) -> dict[str, Any]:
        known = await known_types(engine)
        listed = [t for t in known if data.include_internal or not _is_internal(t.id)]
        return {"trigger_types": [_row_with_formats(type_) for type_ in listed]}

    def fire(data: FireInput, context: CallContext) -> dict[str, int]:
        fired = engine.fire_triggers(data.trigger_type, data.payload, namespace=data.namespace)
        return {"fired": fired}

    async def fire_one(data: FireOneInput, context: CallContext) -> Payload:
        return await _fire_one(engine, data)

    yield from builtin(
        "engine::fire_trigger",
        FireOneInput,
        fire_one,
        description="Fire one trigger and return what its function returns.",
    )
    yield from builtin(
        "engine::fire_triggers", FireInput, fire, description="Fire all triggers of a type."
    )
    yield from builtin(
        "engine::triggers::list", ListInput, list_, description="List trigger types."
    )
    yield from builtin(
        "engine::triggers::info", InfoInput, info, description="Tell all about a trigger type."
    )
    yield from builtin(
        "engine::trigger-types::list", TypesInput, types, description="List trigger types."
    )


async def _fire_one(engine: Engine, wanted: FireOneInput) -> Payload:
    """Run the function of a trigger, also of one that is disabled or parked. Raise NotFound."""
    row = await engine.database.run(_trigger_row, wanted.namespace, wanted.trigger_id)
    if row is None:
        raise NotFound(
            f"There is no trigger '{wanted.trigger_id}' in namespace '{wanted.namespace}'."
        )
    payload = Payload.of_json(Payload.of(wanted.payload).json())
    call = call_by_hand(row, payload, timeout_s=_timeout_s(engine, row))
    return await engine.invoke_fresh(call)


def _trigger_row(namespace: str, trigger_id: str) -> Trigger | None:
    if "\0" in namespace + trigger_id:
        return None
    return Trigger.objects.filter(namespace=namespace, trigger_id=trigger_id).first()


def _timeout_s(engine: Engine, row: Trigger) -> float | None:
    registrator = engine.trigger_type(engine.triggers.canonical(row.trigger_type))
    try:
        return None if registrator is None else registrator.timeout_s(row)
    except InvalidConfig:
        return None


async def known_types(engine: Engine) -> list[TypeFacts]:
    """Return the trigger types of every node by id; one of this node before that of another."""
    known = {(t.namespace, t.id): t for t in await elsewhere.read(engine, types_of_other_nodes)}
    known |= {(type_.namespace, type_.id): type_ for type_ in types_here(engine)}
    return sorted(known.values(), key=lambda type_: (type_.id, type_.namespace))


async def type_detail(engine: Engine, type_id: str, *, namespace: str | None) -> dict[str, Any]:
    """Return the row of a type, its schemas if it has any, and how many triggers are live on it.

    Without ``namespace`` the one in ``default`` is meant, else the only one there is.
    Raise NotFound or InvalidNamespace.
    """
    if namespace is not None and not namespace.strip():
        raise InvalidNamespace()
    type_id = engine.triggers.canonical(type_id)
    found = [type_ for type_ in await known_types(engine) if type_.id == type_id]
    type_ = _only(type_id, found, namespace)
    detail = type_row(type_)
    if type_.config_schema is not None:
        detail["configuration_schema"] = type_.config_schema
    if type_.call_schema is not None:
        detail["request_schema"] = type_.call_schema
    return {**detail, "instance_count": await _instance_count(engine, type_)}


def _only(type_id: str, found: list[TypeFacts], namespace: str | None) -> TypeFacts:
    wanted = namespace if namespace is not None else "default"
    match = [type_ for type_ in found if type_.namespace == wanted]
    if not match and namespace is None:
        match = found
    if len(match) == 1:
        return match[0]
    if not match:
        raise NotFound(f"Trigger type '{type_id}' is not registered.")
    names = ", ".join(type_.namespace for type_ in match)
    raise NotFound(f"Trigger type '{type_id}' is ambiguous: it is in {names}.")


async def _instance_count(engine: Engine, type_: TypeFacts) -> int:
    here = len(engine.triggers.active(type_.id, type_.namespace))
    away = await elsewhere.read(engine, triggers_of_other_nodes)
    canonical = engine.triggers.canonical
    return here + sum(t.state == "active" and canonical(t.trigger_type) == type_.id for t in away)


async def _instances(
    engine: Engine, wanted: ListInput, context: CallContext
) -> list[dict[str, Any]]:
    """Return the triggers themselves, which this function listed until SDK 0.13."""
    away = await elsewhere.read(engine, triggers_of_other_nodes)
    may_see = viewer(engine, context)
    listed = [
        trigger
        for trigger in [*triggers_here(engine), *away]
        if (wanted.include_internal or not _is_internal(trigger.function_id))
        and may_see(*trigger.function_key)
    ]
    listed.sort(key=lambda trigger: trigger.id)
    return [instance_row(trigger) for trigger in listed]


def _row_with_formats(type_: TypeFacts) -> dict[str, Any]:
    row: dict[str, Any] = {"id": type_.id, "description": type_.description}
    if type_.config_schema is not None:
        row["trigger_request_format"] = type_.config_schema
    if type_.call_schema is not None:
        row["call_request_format"] = type_.call_schema
    return row


def _fits(type_: TypeFacts, wanted: ListInput) -> bool:
    text = f"{type_.id}\n{type_.description}".lower()
    return (
        (bool(wanted.include_internal) or not _is_internal(type_.id))
        and type_.id.startswith(wanted.prefix or "")
        and (wanted.search or "").lower() in text
        and wanted.worker in (None, type_.worker_name, type_.worker_id)
    )


def _is_internal(id_: str) -> bool:
    return id_.startswith("engine::")
