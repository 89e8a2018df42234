"""Whose a registration is: a session under rules takes nothing from other workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iii_triggers.protocol.errors import Forbidden

from .reserved import is_reserved

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine
    from iii_triggers.protocol.messages import RegisterTrigger


def is_replica(one: WorkerConnection, other: WorkerConnection) -> bool:
    """Tell whether two connections are under the same rules, as replicas of a worker are."""
    return one is other or one.session == other.session


def is_same_worker(one: WorkerConnection, other: WorkerConnection) -> bool:
    """Tell whether one connection is the other's successor: the same process came back."""
    return is_replica(one, other) and (
        (one.ip, one.info.name, one.info.pid) == (other.ip, other.info.name, other.info.pid)
    )


def may_offer(engine: Engine, connection: WorkerConnection, function_id: str) -> bool:
    """Tell whether an id is free for a session: neither the site's nor another worker's.

    Nor one that means something to the engine; a prefix is a place of its own, where anything
    goes. Replicas, which are under the same rules, share ids. What workers of other nodes offer is
    not known by rules: a prefix keeps sessions apart there.
    """
    if not connection.session.prefix and is_reserved(engine, connection, function_id):
        return False
    key = (connection.namespace, function_id)
    offers = engine.functions.offers_of(key)
    return not engine.functions.is_local(key) and all(
        is_replica(connection, offer.connection) for offer in offers
    )


def may_provide(engine: Engine, connection: WorkerConnection, key: tuple[str, str]) -> bool:
    """Tell whether a session may provide a trigger type: nobody else does.

    Not in ``default`` either: triggers of other namespaces that have a type from there would move.
    """
    keys = (key, ("default", key[1]))
    return all(
        type_.worker is not None and is_replica(connection, type_.worker)
        for type_ in engine.triggers.types()
        if type_.key in keys
    )


def owns_trigger(
    engine: Engine, connection: WorkerConnection, trigger_id: str, *, or_free: bool = False
) -> bool:
    """Tell whether a trigger is the session's own, or (``or_free``) nobody's."""
    entry = engine.triggers.get(trigger_id)
    if entry is None:
        return or_free
    owner = entry.trigger.worker
    return owner is not None and is_same_worker(connection, owner)


def check_powers(engine: Engine, wanted: RegisterTrigger) -> None:
    """Raise Forbidden if a trigger asks for what only the site's own may have."""
    type_ = engine.trigger_type(engine.triggers.canonical(wanted.trigger_type))
    keys = ", ".join(type_.powers(wanted.config) if type_ is not None else ())
    if keys:
        raise Forbidden(f"A worker under rules may not ask for {keys}.")


def check_rivals(engine: Engine, connection: WorkerConnection, wanted: RegisterTrigger) -> None:
    """Raise Forbidden if a trigger would take the route, or the like, of another worker."""
    type_ = engine.trigger_type(engine.triggers.canonical(wanted.trigger_type))
    for trigger in type_.rivals(wanted.config) if type_ is not None else ():
        owner = trigger.worker
        is_foreign = owner is not None and not is_replica(connection, owner)
        if is_foreign or (trigger.node_id and trigger.function_id != wanted.function_id):
            raise Forbidden(f"What trigger '{wanted.id}' asks for belongs to another worker.")
