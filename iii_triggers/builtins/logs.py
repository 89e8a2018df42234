"""``engine::logs::*`` and ``engine::health::check``: what this process knows of its workers.

Trigger reference, section 8.1. Each process keeps the logs that came to it; there is no list of
all processes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.telemetry.store import LogQuery

from .base import builtin

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine


class Nothing(Struct):
    """No input."""


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    def list_logs(data: LogQuery, context: CallContext) -> dict[str, Any]:
        """Return ``{"logs": [...], "total": int, "query": {...}, "timestamp": ms}``."""
        logs, total = engine.telemetry.logs.find(data)
        query = msgspec.to_builtins(data)
        return {"logs": logs, "total": total, "query": query, "timestamp": _now_ms()}

    def clear(data: Nothing, context: CallContext) -> dict[str, Any]:
        engine.telemetry.logs.clear()
        return {"success": True}

    def check(data: Nothing, context: CallContext) -> dict[str, Any]:
        """Return ``{"status": "healthy", "workers": int, "in_flight": int, "timestamp": ms}``."""
        return {
            "status": "healthy",
            "workers": sum(connection.spoke for connection in engine.connections.values()),
            "in_flight": engine.invoker.in_flight,
            "timestamp": _now_ms(),
        }

    yield from builtin(
        "engine::logs::list", LogQuery, list_logs, description="List logs, the newest first."
    )
    yield from builtin("engine::logs::clear", Nothing, clear, description="Forget all logs.")
    yield from builtin(
        "engine::health::check", Nothing, check, description="Tell whether this process works."
    )


def _now_ms() -> int:
    return int(time.time() * 1000)
