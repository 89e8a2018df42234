"""What the history knows of a run before it is written, and how that becomes rows."""

from __future__ import annotations

from msgspec import Struct

from iii_triggers.conf import settings
from iii_triggers.engine.calls import Call, Outcome, Pending
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Invocation
from iii_triggers.protocol.errors import IiiError, SerializationFailed

from .redaction import redact, redact_message

NO_CAUSE = Cause()
MAX_ERROR = 10_000
MAX_STACKTRACE = 50_000
# A secret at the end of what is kept is recognized by what follows it.
ROOM_FOR_ERROR = MAX_ERROR + 2000
ROOM_FOR_STACKTRACE = MAX_STACKTRACE + 2000

RUNNING = Invocation.Status.RUNNING.value
SUCCEEDED = Invocation.Status.SUCCEEDED.value
FAILED = Invocation.Status.FAILED.value


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
    started_at: float
    """Seconds since the epoch."""
    duration_ms: float | None
    error_code: str
    error: str
    traceparent: str
    invocation_id: str


class PayloadRow(Struct, gc=False, kw_only=True):
    """The columns of ``InvocationPayload``."""

    run_id: str
    input: str
    output: str
    input_cut: bool
    output_cut: bool
    redacted: bool
    stacktrace: str


class Entry(Struct, gc=False, kw_only=True):
    """A run that has ended, or one that takes long.

    Texts and numbers only. A reference to the call would keep all that belonged to it alive, and
    the garbage collector looking at it: that costs more than everything else together.
    """

    run: Run
    stacktrace: str
    input: bytes = b""
    """The beginning of the JSON; empty if there was none."""
    is_input_cut: bool = False
    output: bytes = b""
    is_output_cut: bool = False

    @property
    def size(self) -> int:
        """How many bytes of payload it holds."""
        return len(self.input) + len(self.output)

    def drop_payload(self) -> None:
        """Keep the run only."""
        self.is_input_cut = self.is_input_cut or bool(self.input)
        self.is_output_cut = self.is_output_cut or bool(self.output)
        self.input = self.output = b""


def make_entry(
    pending: Pending,
    outcome: Outcome | None,
    *,
    run_id: str,
    node_id: str,
    duration_ms: float | None,
) -> Entry:
    """Take down what is known of a run; without an outcome it goes on."""
    call, cause = pending.call, pending.call.cause or NO_CAUSE
    error = outcome if isinstance(outcome, IiiError) else None
    worker_id, worker_name = _worker(pending)
    run = Run(
        id=run_id,
        status=RUNNING if outcome is None else SUCCEEDED if error is None else FAILED,
        function_id=call.function_id,
        namespace=call.namespace,
        trigger_type=cause.trigger_type,
        trigger_id=cause.trigger_id,
        worker_id=worker_id,
        worker_name=worker_name,
        node_id=node_id,
        caller=_caller(call),
        delivery_id=cause.delivery_id,
        attempt=cause.attempt,
        replay_of=cause.replay_of,
        started_at=pending.started_at,
        duration_ms=duration_ms,
        error_code="" if error is None else error.code,
        error="" if error is None else error.message[:ROOM_FOR_ERROR],
        traceparent=call.traceparent or "",
        invocation_id=pending.id if pending.id != run_id else "",
    )
    stacktrace = "" if error is None else (error.stacktrace or "")[:ROOM_FOR_STACKTRACE]
    entry = Entry(run=run, stacktrace=stacktrace)
    limit = settings.III_HISTORY_PAYLOAD_BYTES
    entry.input, entry.is_input_cut = _beginning(call.data, limit)
    if isinstance(outcome, Payload):
        entry.output, entry.is_output_cut = _beginning(outcome, limit)
    return entry


def run_of(entry: Entry) -> Run:
    """Return the row of ``Invocation``."""
    run = entry.run
    if run.error:
        run.error = redact_message(run.error)[:MAX_ERROR]
    return run


def payload_of(entry: Entry) -> PayloadRow:
    """Return the row of ``InvocationPayload``."""
    given, was_given_secret = redact(entry.input)
    returned, was_returned_secret = redact(entry.output)
    return PayloadRow(
        run_id=entry.run.id,
        input=_text(given),
        output=_text(returned),
        input_cut=entry.is_input_cut,
        output_cut=entry.is_output_cut,
        redacted=was_given_secret or was_returned_secret,
        stacktrace=redact_message(entry.stacktrace)[:MAX_STACKTRACE],
    )


def _beginning(payload: Payload, limit: int) -> tuple[bytes, bool]:
    """Return what is kept of the JSON, and whether something is missing."""
    if not payload.present:
        return b"", False
    try:
        text = payload.json()
    except SerializationFailed:
        return b"", True
    return (text, False) if len(text) <= limit else (text[:limit], True)


def _text(kept: bytes) -> str:
    """Decode what may have been cut within a character."""
    return kept.decode(errors="ignore")


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
