"""Function ids that mean something to the engine: who offers them gets what is not its own.

Functions that decide about workers, requests and clients, and names of the engine's own families,
``stream::get(NAME)`` among them, which takes the place of a store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from iii_triggers.conf import settings

from .listeners import listeners
from .rules import Rules

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine

FAMILIES = tuple(
    family + separator
    for family in ("configuration", "engine", "iii", "kv_server", "state", "stream")
    for separator in ("::", ".")
)


def is_reserved(engine: Engine, connection: WorkerConnection, function_id: str) -> bool:
    """Tell whether an id is not for a worker under rules to offer, in any namespace."""
    return (
        function_id.startswith(FAMILIES)
        or function_id in _of_the_settings()
        or function_id in engine.tokens.deciding_functions
        or function_id in deciding_functions(connection.session.rules)
    )


def deciding_functions(rules: Iterable[Rules]) -> set[str]:
    """Return the middleware and the hooks of rules."""
    ids = {
        id_
        for one in rules
        for id_ in (one.middleware, one.hooks.function, one.hooks.trigger, one.hooks.trigger_type)
    }
    return ids - {""}


def _of_the_settings() -> Iterator[str]:
    yield from settings.III_HTTP_MIDDLEWARE
    yield settings.III_STREAM_AUTH_FUNCTION
    for listener in listeners.all():
        yield listener.auth_function
        yield from deciding_functions([listener.rules])
