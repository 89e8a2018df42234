"""All that is known of a function (protocol reference, section 7.3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iii_triggers.engine.functions import CallContext, FunctionInfo, Key
from iii_triggers.engine.remote_functions import RemoteOffer
from iii_triggers.models import Function
from iii_triggers.protocol.errors import Forbidden, IiiError, InvalidNamespace, NotFound

from . import elsewhere
from .function_rows import function_row, known_functions
from .trigger_rows import TriggerFacts, triggers_here, triggers_of_other_nodes
from .visibility import check_visible

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

Formats = tuple[str, str, Any, Any]


@dataclass(frozen=True, slots=True)
class BadName:
    """Why there are no details of a function."""

    error: IiiError

    @property
    def word(self) -> str:
        """What a batch says in its place."""
        return "forbidden" if isinstance(self.error, Forbidden) else "not_found"


Details = dict[str, dict[str, Any] | BadName]


async def function_details(
    engine: Engine, context: CallContext, function_ids: Collection[str], *, namespace: str | None
) -> Details:
    """Return the details of functions, or why there are none, by the id asked for.

    ``{"function_id": str, "namespace": str, "worker_name": str, "description"?: str,
    "request_schema"?: any, "response_schema"?: any, "metadata"?: object, "registered_triggers":
    [{"id": str, "trigger_type": str, "config": any}]}``. Without ``namespace`` the one in
    ``default`` is meant, else the only one there is. Raise InvalidNamespace for a blank one.
    """
    if namespace is not None and not namespace.strip():
        raise InvalidNamespace()
    keys = {id_: _locate(engine, context, id_, namespace) for id_ in function_ids}
    wanted = [key for key in keys.values() if not isinstance(key, BadName)]
    formats = await _remote_formats(engine, wanted)
    triggers = await _triggers_of(engine, wanted)
    known = known_functions(engine) if wanted else {}
    return {
        id_: key if isinstance(key, BadName) else _detail(known, key, formats, triggers)
        for id_, key in keys.items()
    }


def _locate(
    engine: Engine, context: CallContext, function_id: str, namespace: str | None
) -> Key | BadName:
    """Return the function that is meant. What a caller may not see is forbidden, there or not."""
    spaces = engine.functions.namespaces_of(function_id)
    if namespace is not None:
        spaces = [namespace] if namespace in spaces else []
    chosen = "default" if "default" in spaces else spaces[0] if spaces else namespace or "default"
    try:
        check_visible(engine, context, chosen, function_id)
    except Forbidden as error:
        return BadName(error)
    if not spaces:
        return BadName(NotFound(f"Function '{function_id}' is not registered."))
    if len(spaces) > 1 and chosen != "default":
        names = ", ".join(spaces)
        return BadName(NotFound(f"Function '{function_id}' is ambiguous: it is in {names}."))
    return (chosen, function_id)


def _detail(
    known: dict[Key, tuple[FunctionInfo, str | None]],
    key: Key,
    formats: dict[Key, tuple[Any, Any]],
    triggers: dict[Key, list[TriggerFacts]],
) -> dict[str, Any] | BadName:
    if key not in known:
        return BadName(NotFound(f"Function '{key[1]}' is not registered."))
    info, worker_name = known[key]
    request, response = formats.get(key, (info.request_format, info.response_format))
    detail = function_row(info, worker_name)
    if request is not None:
        detail["request_schema"] = request
    if response is not None:
        detail["response_schema"] = response
    detail["registered_triggers"] = [
        {"id": t.id, "trigger_type": t.trigger_type, "config": t.config}
        for t in triggers.get(key, ())
    ]
    return detail


async def _remote_formats(engine: Engine, keys: Collection[Key]) -> dict[Key, tuple[Any, Any]]:
    """Return the formats of functions of other nodes; they are not kept in memory."""
    remote = [key for key in keys if isinstance(engine.functions.find(*key), RemoteOffer)]
    if not remote:
        return {}
    rows = await elsewhere.read(engine, _read_formats, [key[1] for key in remote])
    return {row[:2]: row[2:] for row in rows if row[:2] in remote}


def _read_formats(this_node: str, function_ids: list[str]) -> list[Formats]:
    rows = Function.objects.filter(function_id__in=function_ids).exclude(worker=None)
    rows = rows.exclude(worker__node_id=this_node).order_by("pk")
    return list(rows.values_list("namespace", "function_id", "request_format", "response_format"))


async def _triggers_of(engine: Engine, keys: Collection[Key]) -> dict[Key, list[TriggerFacts]]:
    found: dict[Key, list[TriggerFacts]] = {key: [] for key in keys}
    if not found:
        return found
    away = await elsewhere.read(engine, triggers_of_other_nodes, [key[1] for key in keys])
    for trigger in [*triggers_here(engine), *away]:
        if trigger.function_key in found:
            found[trigger.function_key].append(trigger)
    for triggers in found.values():
        triggers.sort(key=lambda trigger: trigger.id)
    return found
