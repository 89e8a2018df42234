"""What a session may have called later, in its place: targets of triggers and queued calls.

Nobody asks a session again when a trigger fires or a delivery runs. So a target must be allowed
when it is named, and must not be a function of the engine that goes by who calls it, or that calls
whatever its input says: as a target nobody of note calls it, and it hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from iii_triggers.protocol.errors import Forbidden

from .decision import INFRASTRUCTURE, Verdict, canonical_id

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine

ENQUEUE = "engine::queue::enqueue"
REGISTER_TRIGGER = "engine::register_trigger"
UNREGISTER_TRIGGER = "engine::unregister_trigger"
FIRE_TRIGGERS = "engine::fire_triggers"

FIRE_TRIGGER = "engine::fire_trigger"

RELAYS = frozenset({ENQUEUE, REGISTER_TRIGGER, UNREGISTER_TRIGGER, FIRE_TRIGGER, FIRE_TRIGGERS})
"""Functions that lead to other functions; a session may call them, and is asked about those."""

TARGETS = INFRASTRUCTURE - {"engine::workers::register"}
"""The engine's own functions that may be targets."""

NAMES_FUNCTIONS = (
    "function_id",
    "function_ids",
    "functionid",
    "functionids",
    # What old SDKs call a condition.
    "condition_path",
    "function_path",
)


def verdict_on(
    engine: Engine, connection: WorkerConnection, namespace: str, function_id: str
) -> Verdict:
    """Return what the session of a connection says of a function."""
    metadata_of = engine.functions.metadata_of
    return connection.session.verdict(namespace, function_id, metadata_of)


def check_target(
    engine: Engine, connection: WorkerConnection, namespace: str, function_id: str
) -> None:
    """Raise Forbidden unless the function may be called later in the place of a session."""
    is_allowed = verdict_on(engine, connection, namespace, function_id) == "allowed"
    id_ = canonical_id(function_id)
    if not is_allowed or (id_.startswith("engine::") and id_ not in TARGETS):
        raise Forbidden(f"function '{function_id}' not allowed in namespace '{namespace}'")


def check_config(engine: Engine, connection: WorkerConnection, namespace: str, config: Any) -> None:
    """Raise Forbidden if a trigger config names a function that is not allowed.

    Conditions, middleware and the like are called as the target is.
    """
    for function_id in _named_in(config):
        for name in dict.fromkeys((namespace, "default")):
            check_target(engine, connection, name, function_id)


def _named_in(config: Any) -> Iterator[str]:
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, Mapping):
            stack.extend(value.values())
            for key, item in value.items():
                if key.lower().endswith(NAMES_FUNCTIONS):
                    yield from _strings(item)


def _strings(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and item:
            yield item
