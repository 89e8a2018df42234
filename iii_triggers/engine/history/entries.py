"""What the history knows of a run before it is written, and how that becomes rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from iii_triggers.engine.calls import Call, Outcome, Pending
from iii_triggers.engine.causes import Cause
from iii_triggers.models import Invocation
from iii_triggers.protocol.errors import IiiError

from .redaction import redact, redact_message

NO_CAUSE = Cause()
EPOCH = datetime(1970, 1, 1)
MAX_NAME = 255
MAX_WORKER_NAME = 280
MAX_ERROR = 10_000
MAX_STACKTRACE = 50_000

Status = Invocation.Status
Row = dict[str, Any]


class Kept(NamedTuple):
    """The beginning of a payload, as JSON; empty if there was none."""

    text: bytes
    is_cut: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Entry:
    """A run that has ended, or one that takes long (no outcome)."""

    run_id: str
    pending: Pending
    outcome: Outcome | None
    duration_ms: float | None
    node_id: str
    input: Kept
    output: Kept

    @property
    def cause(self) -> Cause:
        """Why the function was run."""
        return self.pending.call.cause or NO_CAUSE

    @property
    def is_failed(self) -> bool:
        """Whether the run ended with an error."""
        return isinstance(self.outcome, IiiError)

    @property
    def size(self) -> int:
        """How many bytes of payload it holds."""
        return len(self.input.text) + len(self.output.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """How a database writes what JSON has no type for."""

    uuid: Callable[[str], str]
    moment: Callable[[datetime], str]
    """Of a naive time in UTC."""


def run_row(entry: Entry, notation: Notation) -> Row:
    """Return the row of ``Invocation``."""
    pending, call, cause = entry.pending, entry.pending.call, entry.cause
    worker_id, worker_name = _worker(pending)
    code, message = _error(entry.outcome)
    return {
        "id": notation.uuid(entry.run_id),
        "status": _status(entry),
        "function_id": call.function_id[:MAX_NAME],
        "namespace": call.namespace[:MAX_NAME],
        "trigger_type": cause.trigger_type[:MAX_NAME],
        "trigger_id": cause.trigger_id[:MAX_NAME],
        "worker_id": worker_id,
        "worker_name": worker_name[:MAX_WORKER_NAME],
        "node_id": entry.node_id,
        "caller": _caller(call)[:MAX_WORKER_NAME],
        "delivery_id": notation.uuid(cause.delivery_id) if cause.delivery_id else None,
        "attempt": cause.attempt,
        "replay_of": notation.uuid(cause.replay_of) if cause.replay_of else None,
        "started_at": notation.moment(EPOCH + timedelta(seconds=pending.started_at)),
        "duration_ms": entry.duration_ms,
        "error_code": code[:MAX_NAME],
        "error": message[:MAX_ERROR],
        "traceparent": (call.traceparent or "")[:MAX_NAME],
        "invocation_id": pending.id[:MAX_NAME] if pending.id != entry.run_id else "",
    }


def payload_row(entry: Entry, notation: Notation) -> Row:
    """Return the row of ``InvocationPayload``."""
    given, was_given_secret = redact(entry.input.text)
    returned, was_returned_secret = redact(entry.output.text)
    stacktrace = entry.outcome.stacktrace if isinstance(entry.outcome, IiiError) else None
    return {
        "run_id": notation.uuid(entry.run_id),
        "input": _text(given),
        "output": _text(returned),
        "input_cut": entry.input.is_cut,
        "output_cut": entry.output.is_cut,
        "redacted": was_given_secret or was_returned_secret,
        "stacktrace": redact_message((stacktrace or "")[:MAX_STACKTRACE]),
    }


def _text(kept: bytes) -> str:
    """Decode what may have been cut within a character."""
    return kept.decode(errors="ignore")


def _status(entry: Entry) -> str:
    if entry.outcome is None:
        return Status.RUNNING.value
    return Status.FAILED.value if entry.is_failed else Status.SUCCEEDED.value


def _error(outcome: Outcome | None) -> tuple[str, str]:
    if isinstance(outcome, IiiError):
        return outcome.code, redact_message(outcome.message)
    return "", ""


def _worker(pending: Pending) -> tuple[str, str]:
    """Return id and name of the worker that was asked; of another node's only the name."""
    executor = pending.executor
    if executor is not None:
        return executor.worker_id, executor.info.name or ""
    return "", pending.away.worker_name if pending.away is not None else ""


def _caller(call: Call) -> str:
    if call.caller is None:
        return ""
    return call.caller.info.name or call.caller.worker_id
