"""What the history knows of a run, as the rows of its two tables."""

from __future__ import annotations

from msgspec import Struct

from iii_triggers.conf import settings
from iii_triggers.engine.calls import Call, Outcome, Pending
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.connections import WorkerConnection
from iii_triggers.engine.ids import IdSource
from iii_triggers.engine.payload import Payload
from iii_triggers.engine.remote_functions import RemoteOffer
from iii_triggers.models import Invocation
from iii_triggers.protocol.errors import IiiError, SerializationFailed

from .redaction import redact, redact_message
from .refs import without_refs

NO_CAUSE = Cause()
MAX_NAME = 255
MAX_WORKER_NAME = 280
MAX_ERROR = 10_000
MAX_STACKTRACE = 50_000
ROOM_FOR_SECRETS = 2000
"""A secret at the end of what is kept of a message is recognized by what follows it."""

RUNNING = Invocation.Status.RUNNING.value
SUCCEEDED = Invocation.Status.SUCCEEDED.value
FAILED = Invocation.Status.FAILED.value


class Facts(Struct, gc=False):
    """What there is to say of a run, but for its outcome.

    It holds no payload and no call, so that many may wait to become rows.
    """

    run_id: str
    """"" if it has none yet."""
    invocation_id: str
    """The same, unless a worker chose it."""
    function_id: str
    namespace: str
    cause: Cause | None
    executor: WorkerConnection | None
    away: RemoteOffer | None
    caller: WorkerConnection | None
    started_at: float
    """Seconds since the epoch."""
    duration_ms: float | None
    """None if it goes on."""
    traceparent: str | None


class Run(Struct, gc=False, kw_only=True):
    """The columns of ``Invocation``, as the database takes them."""

    id: str
    status: str
    function_id: str
    namespace: str
    trigger_type: str
    trigger_id: str
    worker_id: str
    worker_name: str
    node_id: str
    caller: str
    delivery_id: str | None
    attempt: int
    replay_of: str | None
    started_at: float | str
    """Seconds since the epoch, or the time as PostgreSQL reads it."""
    duration_ms: float | None
    error_code: str
    error: str
    traceparent: str
    invocation_id: str


class PlainRun(Struct, array_like=True, gc=False):
    """The columns of ``Invocation`` that a run has for itself, if it succeeded as many others."""

    id: str
    started_at: float
    """Seconds since the epoch."""
    duration_ms: float
    traceparent: str
    invocation_id: str


OWN_COLUMNS = PlainRun.__struct_fields__
SHARED_COLUMNS = tuple(name for name in Run.__struct_fields__ if name not in OWN_COLUMNS)


class SharedColumns(Struct, frozen=True):
    """What runs that are alike have in common."""

    values: tuple[str | int | None, ...]
    """Those of ``SHARED_COLUMNS``."""
    line: str
    """What stands between the id and the times in their lines for COPY."""


class PayloadRow(Struct, gc=False, kw_only=True):
    """The columns of ``InvocationPayload``."""

    run_id: str
    input: str
    output: str
    input_cut: bool
    output_cut: bool
    redacted: bool
    stacktrace: str


def run_id_of(pending: Pending, new_id: IdSource) -> str:
    """Return the id of a run, a new one for what a worker chose: it may be there twice."""
    if pending.run_id is None and pending.call.caller is not None:
        return new_id.at(pending.started_at)
    return pending.run_id or pending.id


def facts_of(pending: Pending, duration_ms: float | None) -> Facts:
    """Take down the facts of a run."""
    call = pending.call
    # By position: with names this takes twice as long, for every run there is.
    return Facts(
        pending.run_id or "",
        pending.id,
        call.function_id,
        call.namespace,
        call.cause,
        pending.executor,
        pending.away,
        call.caller,
        pending.started_at,
        duration_ms,
        call.traceparent,
    )


def run_of(facts: Facts, outcome: Outcome | None, *, node_id: str) -> Run:
    """Return the row of a run; without an outcome it goes on."""
    cause = facts.cause or NO_CAUSE
    error = outcome if isinstance(outcome, IiiError) else None
    worker_id, worker_name, caller = _workers_of(facts)
    is_ours = facts.invocation_id == facts.run_id
    return Run(
        id=facts.run_id,
        status=RUNNING if outcome is None else SUCCEEDED if error is None else FAILED,
        function_id=facts.function_id[:MAX_NAME],
        namespace=facts.namespace[:MAX_NAME],
        trigger_type=cause.trigger_type[:MAX_NAME],
        trigger_id=cause.trigger_id[:MAX_NAME],
        worker_id=worker_id,
        worker_name=worker_name[:MAX_WORKER_NAME],
        node_id=node_id,
        caller=caller[:MAX_WORKER_NAME],
        delivery_id=cause.delivery_id,
        attempt=cause.attempt,
        replay_of=cause.replay_of,
        started_at=facts.started_at,
        duration_ms=facts.duration_ms,
        error_code="" if error is None else error.code[:MAX_NAME],
        error="" if error is None else _message(error.message, MAX_ERROR),
        traceparent=(facts.traceparent or "")[:MAX_NAME],
        invocation_id="" if is_ours else facts.invocation_id[:MAX_NAME],
    )


def payload_of(call: Call, outcome: Outcome | None, *, run_id: str) -> PayloadRow:
    """Return the row of what went in and came out, without secrets."""
    limit = settings.III_HISTORY_PAYLOAD_BYTES
    given, is_given_cut = _beginning(call.data, limit)
    returned, is_returned_cut = b"", False
    stacktrace = ""
    if isinstance(outcome, Payload):
        returned, is_returned_cut = _beginning(outcome, limit)
    elif outcome is not None and outcome.stacktrace:
        stacktrace = _message(outcome.stacktrace, MAX_STACKTRACE)
    given, was_given_secret = redact(given)
    returned, was_returned_secret = redact(returned)
    return PayloadRow(
        run_id=run_id,
        input=_text(given),
        output=_text(returned),
        input_cut=is_given_cut,
        output_cut=is_returned_cut,
        redacted=was_given_secret or was_returned_secret,
        stacktrace=stacktrace,
    )


def _workers_of(facts: Facts) -> tuple[str, str, str]:
    """Return id and name of the worker that was asked, and the name of the one that called.

    Of a worker of another node only the name is known; of what is no worker, nothing.
    """
    executor, away, caller = facts.executor, facts.away, facts.caller
    called_by = "" if caller is None else caller.info.name or caller.worker_id
    if executor is not None:
        return executor.worker_id, executor.info.name or "", called_by
    return "", "" if away is None else away.worker_name, called_by


def _message(text: str, limit: int) -> str:
    return redact_message(text[: limit + ROOM_FOR_SECRETS])[:limit]


def _beginning(payload: Payload, limit: int) -> tuple[bytes, bool]:
    """Return what is kept of the JSON, and whether something is missing."""
    if not payload.present:
        return b"", False
    try:
        text = without_refs(payload.json())
    except SerializationFailed:
        return b"", True
    return (text, False) if len(text) <= limit else (text[:limit], True)


def _text(kept: bytes) -> str:
    """Decode what may have been cut within a character."""
    return kept.decode(errors="ignore")
