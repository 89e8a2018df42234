"""What the place where something is logged knows: run, trigger, delivery, process and trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iii_triggers.context import (
    current_invocation,
    current_traceparent,
    firing,
    speaking_worker,
    this_process,
)
from iii_triggers.protocol.trace_context import valid_traceparent

if TYPE_CHECKING:
    from iii_triggers.engine.causes import Cause

FIELDS = (
    "invocation_id",
    "function_id",
    "trigger_id",
    "trigger_type",
    "namespace",
    "delivery_id",
    "attempt",
    "node_id",
    "worker",
    "trace_id",
    "span_id",
)

Facts = dict[str, str | int]


def facts(about: str = "") -> Facts:
    """Return what is known here of ``FIELDS``; what is not known is left out.

    With ``about``, the id of an invocation, only if that is the one that runs here: the outcome of
    one is often heard in the context of another.
    """
    run: Facts = _run()
    run = {**run, **_trace()} if about in ("", run.get("invocation_id")) else {}
    known = {**run, "node_id": this_process.node_id}
    return {name: value for name, value in known.items() if value}


def _run() -> Facts:
    invocation, door = current_invocation(), firing.get()
    if invocation is not None:
        run: Facts = {"invocation_id": invocation.id, "function_id": invocation.function_id}
        return {**run, "namespace": invocation.namespace, **_cause(invocation.cause)}
    if door is not None:
        invocation_id, subject = door
        run = {"invocation_id": invocation_id, "function_id": subject.function_id}
        return {**run, "namespace": subject.namespace, **_cause(subject.cause)}
    return {"worker": speaking_worker.get()}


def _cause(cause: Cause | None) -> Facts:
    if cause is None:
        return {}
    said: Facts = {"trigger_id": cause.trigger_id, "trigger_type": cause.trigger_type}
    if cause.delivery_id:
        said |= {"delivery_id": cause.delivery_id, "attempt": cause.attempt}
    return said


def _trace() -> Facts:
    traceparent = valid_traceparent(current_traceparent())
    if traceparent is None:
        return {}
    _version, trace_id, span_id, _flags = traceparent.split("-")
    return {"trace_id": trace_id, "span_id": span_id}
