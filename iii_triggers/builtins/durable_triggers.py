"""``engine::register_trigger`` and ``engine::unregister_trigger`` (protocol reference, 7.5).

What they make are triggers of the site with source ``api``: they belong to no worker and stay until
they are unregistered, or deleted in the admin. Every node has them, as it has those of the admin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError
from msgspec import Struct

from iii_triggers.conf import settings
from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.registrations import is_id
from iii_triggers.engine.trigger_values import TriggerEntry
from iii_triggers.engine.verdicts import HOME, Verdict
from iii_triggers.models.triggers import new_trigger_id
from iii_triggers.protocol.errors import IiiError, InvalidNamespace, LimitExceeded, TriggerRejected
from iii_triggers.protocol.json_values import check_json

from . import elsewhere
from .base import builtin
from .durable_rows import Before, Wanted, remove_row, save_row, undo_row
from .trigger_rows import types_of_other_nodes
from .visibility import check_visible

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

VERDICT_S = 10.0
"""How long a provider has to refuse a trigger; one that says nothing has accepted it."""


class UnregisterFailed(IiiError):
    """The trigger cannot be unregistered."""

    code = "unregister_failed"


class RegisterInput(Struct):
    """A trigger; ``id`` is ours, and replaces what was registered under it."""

    trigger_type: str
    function_id: str
    config: Any = None
    metadata: Any = None
    trigger_namespace: str | None = None
    namespace: str | None = None
    id: str | None = None


class UnregisterInput(Struct):
    """Which trigger; the type is only a hint."""

    id: str
    trigger_type: str | None = None


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    async def register(data: RegisterInput, context: CallContext) -> dict[str, str]:
        wanted = _wanted(data)
        check_visible(engine, context, HOME, wanted.function_id)
        with engine.verdicts.expected(wanted.trigger_id) as verdict:
            await _register(engine, wanted, verdict)
        return {"id": wanted.trigger_id}

    async def unregister(data: UnregisterInput, context: CallContext) -> dict[str, bool]:
        return {"removed": await _unregister(engine, data.id, context)}

    yield from builtin(
        "engine::register_trigger",
        RegisterInput,
        register,
        description="Register a trigger that outlives its worker.",
    )
    yield from builtin(
        "engine::unregister_trigger",
        UnregisterInput,
        unregister,
        description="Remove a trigger that engine::register_trigger made.",
    )


def _wanted(data: RegisterInput) -> Wanted:
    """Return what to register. Raise InvalidNamespace, LimitExceeded, or TriggerRejected."""
    _check_namespaces(data)
    trigger_id = data.id if data.id is not None else new_trigger_id()
    if not all(is_id(id_) for id_ in (trigger_id, data.trigger_type, data.function_id)):
        raise LimitExceeded(
            "An id is empty, holds a NUL character "
            f"or is over {settings.III_MAX_ID_LENGTH} characters."
        )
    check_json(data.config)
    check_json(data.metadata)
    return Wanted(
        trigger_id=trigger_id,
        namespace=HOME,
        trigger_type=data.trigger_type,
        provider_namespace=data.trigger_namespace or "",
        function_id=data.function_id,
        config={} if data.config is None else data.config,
        metadata=data.metadata,
    )


def _check_namespaces(data: RegisterInput) -> None:
    for namespace in (data.namespace, data.trigger_namespace):
        if namespace is not None and not is_id(namespace):
            raise InvalidNamespace()
    if data.namespace not in (None, HOME):
        raise TriggerRejected(f"A trigger without an owner has its function in '{HOME}'.")


async def _register(engine: Engine, wanted: Wanted, verdict: Verdict) -> None:
    old = engine.triggers.get(wanted.trigger_id, namespace=HOME)
    try:
        before = await engine.database.run(save_row, wanted)
        await engine.refresh()
        entry = engine.triggers.get(wanted.trigger_id, namespace=HOME)
        if entry is not None and entry is not old:
            await _await_verdict(engine, wanted, before, entry, verdict)
    except DatabaseError as error:
        raise TriggerRejected("The database is away.") from error


async def _await_verdict(
    engine: Engine, wanted: Wanted, before: Before, entry: TriggerEntry, verdict: Verdict
) -> None:
    """Undo the registration and raise TriggerRejected if the type refuses the trigger."""
    refusal = entry.error if entry.state == "rejected" else None
    worker = entry.provider.worker if entry.provider is not None else None
    if worker is not None or await _is_provided_elsewhere(engine, entry):
        await asyncio.wait({verdict}, timeout=VERDICT_S)
        refusal = verdict.result() if verdict.done() else None
    if worker is not None and refusal is not None:
        # Parked first: the provider has nothing to unregister.
        await engine.triggers.reject(
            wanted.trigger_id, trigger_type=wanted.trigger_type, provider=worker, error=refusal
        )
    if refusal is not None:
        await engine.database.run(undo_row, wanted, before)
        await engine.refresh()
        raise TriggerRejected(refusal)


async def _is_provided_elsewhere(engine: Engine, entry: TriggerEntry) -> bool:
    """Tell whether a worker of another node, which can be heard, is handed the trigger there."""
    if entry.state != "parked" or not engine.network.bus.is_on:
        return False
    types = await elsewhere.read(engine, types_of_other_nodes)
    home = entry.trigger.provider_namespace or HOME
    return any(t.id == entry.trigger.trigger_type and t.namespace == home for t in types)


async def _unregister(engine: Engine, trigger_id: str, context: CallContext) -> bool:
    """Remove a trigger of the calling worker, or one of source ``api``.

    Raise UnregisterFailed for one that was made in the admin or in code.
    """
    entry = engine.triggers.get(trigger_id)
    owner = entry.trigger.worker if entry is not None else None
    if owner is not None:
        is_own = owner is context.caller
        return is_own and await engine.triggers.unregister(trigger_id)
    if not is_id(trigger_id):
        return False
    try:
        source = await engine.database.run(remove_row, HOME, trigger_id)
        await engine.refresh()
    except DatabaseError as error:
        raise UnregisterFailed("The database is away.") from error
    if source not in (None, "api"):
        raise UnregisterFailed(f"Trigger '{trigger_id}' belongs to the site ({source}).")
    return source is not None
