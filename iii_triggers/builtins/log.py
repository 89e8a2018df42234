"""``engine::log::*``: workers log through the site's logging, and into the store of logs.

Protocol reference, section 7.6; trigger reference, section 8.1.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from iii_triggers.context import current_traceparent
from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.telemetry.firing_traces import trace_id_of
from iii_triggers.engine.telemetry.records import logged
from iii_triggers.protocol.text import one_line

from .base import builtin

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

logger = logging.getLogger("iii_triggers.workers")

LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


class LogInput(Struct):
    """One line; ``function_name`` is what old Python SDKs send."""

    message: str
    data: Any = None
    trace_id: str | None = None
    span_id: str | None = None
    service_name: str | None = None
    function_name: str | None = None


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""
    for name, level in LEVELS.items():
        yield from builtin(
            f"engine::log::{name}",
            LogInput,
            _log_at(engine, name, level),
            description=f"Log at level {name}.",
        )


def _log_at(engine: Engine, name: str, level: int) -> Any:
    def log(data: LogInput, context: CallContext) -> None:
        source = data.function_name or data.service_name or _name(context)
        trace_id = one_line(data.trace_id) if data.trace_id is not None else None
        extra = {"action": "log", "trace_id": trace_id, "data": data.data}
        logger.log(level, "%s: %s", one_line(source), one_line(data.message), extra=extra)
        record = logged(
            name,
            data.message,
            data=data.data,
            trace_id=data.trace_id or trace_id_of(current_traceparent()),
            span_id=data.span_id,
            service_name=data.service_name or data.function_name,
        )
        engine.telemetry.log(record, worker=context.caller)

    return log


def _name(context: CallContext) -> str:
    caller = context.caller
    return (caller.info.name or caller.worker_id) if caller is not None else "engine"
