"""The engine's own functions, one module a family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iii_triggers.engine.functions import LocalFunction

from . import (
    baggage,
    channels,
    durable_triggers,
    functions,
    kv_server,
    log,
    logs,
    queue,
    queue_stats,
    registered_triggers,
    triggers,
    workers,
)

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine


def builtin_functions(engine: Engine) -> list[LocalFunction]:
    """Return every built-in function, bound to ``engine``."""
    families = (
        baggage,
        channels,
        durable_triggers,
        functions,
        kv_server,
        log,
        logs,
        queue,
        queue_stats,
        registered_triggers,
        triggers,
        workers,
    )
    return [function for family in families for function in family.functions_of(engine)]
