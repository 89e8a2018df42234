"""Running a delivery: claim it, run its function, write down what became of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

from iii_triggers.context import firing
from iii_triggers.engine.calls import Call
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.conditions import condition_holds
from iii_triggers.engine.payload import Payload
from iii_triggers.engine.process import process_engine, run_sync
from iii_triggers.models import Delivery
from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    FunctionNotFound,
    IiiError,
    InvocationFailed,
    InvocationStopped,
)

from .batching import Batcher
from .claims import claim
from .leases import held_leases
from .outcomes import Outcome, store
from .policy import Policy, Replayed

logger = logging.getLogger(__name__)

MARGIN_S = 5.0


def _claim_batch(ids: Sequence[str]) -> list[Delivery | None]:
    """Claim what this process was asked to look at; None for what is not to be run here."""
    node_id = process_engine.get().node.node_id
    claimed = {str(row.pk): row for row in claim(ids, node_id=node_id)}
    # An id that came twice is run once.
    return [claimed.pop(delivery_id, None) for delivery_id in ids]


claims: Batcher[str, Delivery | None] = Batcher("iii-claims", _claim_batch)
outcomes: Batcher[Outcome, bool] = Batcher("iii-outcomes", store)


def run_delivery(delivery_id: str) -> bool:
    """Run a delivery, if it is there to be run, and return when its outcome is written.

    Tell whether it ran here. Nothing is raised: what could not be claimed is sent again, and what
    could not be written is tried again when the lease has run out.
    """
    try:
        _have_node()
        row = claims.submit(delivery_id).result()
    except Exception:
        extra = {"delivery_id": delivery_id}
        logger.exception("Delivery %s could not be claimed.", delivery_id, extra=extra)
        return False
    if row is None:
        return False
    held_leases.add(row)
    told = firing.set(("", _Attempt(row)))
    try:
        _finish(row, _run(row))
    finally:
        firing.reset(told)
        held_leases.remove(row)
    return True


class _Attempt:
    """What is known of an attempt where something is logged about it."""

    def __init__(self, row: Delivery) -> None:
        self.function_id = row.function_id
        self.namespace = row.namespace
        self.cause = _cause(row, None)


def _have_node() -> None:
    """Start the engine before anything is claimed.

    What a node without a row holds counts as lost, and its heartbeat renews the leases.
    """
    engine = process_engine.get()
    if not engine.draining:
        engine = process_engine.start_in_background()
    if held_leases.renew not in engine.heart.on_beat:
        engine.heart.on_beat.append(held_leases.renew)


def _finish(row: Delivery, outcome: Outcome) -> None:
    try:
        accepted = outcomes.submit(outcome).result()
    except Exception:
        logger.exception("The outcome of delivery %s could not be written.", row.pk)
    else:
        if not accepted:
            logger.warning("Delivery %s had lost its lease when it was done.", row.pk)


def _run(row: Delivery) -> Outcome:
    policy = Policy.of(row.policy)
    if process_engine.get().draining:
        return Outcome(delivery=row, kind="undone")
    try:
        return run_sync(_invoke(row, policy), timeout_s=policy.timeout_s + MARGIN_S)
    except CancelledError:
        return Outcome(delivery=row, kind="undone")
    except IiiError as error:
        is_stopping = process_engine.get().draining
        return Outcome(delivery=row, kind="undone") if is_stopping else _failure(row, error)
    except Exception as error:
        logger.exception("Delivery %s could not be run.", row.pk)
        return Outcome(delivery=row, kind="failed", code="internal_error", message=str(error))


async def _invoke(row: Delivery, policy: Policy) -> Outcome:
    tracer = process_engine.get().invoker.tracer
    if tracer is None:
        return await _attempt(row, policy, row.traceparent or None)
    from iii_triggers.engine.tracing.firings import delivery_span

    with delivery_span(tracer, row, _cause(row, policy.replays)) as span:
        outcome = await _attempt(row, policy, span.traceparent)
        if outcome.code:
            span.failed(outcome.code, outcome.message)
        return outcome


async def _attempt(row: Delivery, policy: Policy, traceparent: str | None) -> Outcome:
    engine = process_engine.get()
    try:
        if not await _is_wanted(row, policy, traceparent):
            return Outcome(delivery=row, kind="skipped", message="The condition said no.")
        await engine.invoke_fresh(_call(row, policy, traceparent))
    except InvocationStopped as error:
        # A process that is told to stop is no reason to give up what it ran.
        return Outcome(delivery=row, kind="undone") if engine.draining else _failure(row, error)
    except IiiError as error:
        return _failure(row, error)
    return Outcome(delivery=row, kind="succeeded")


async def _is_wanted(row: Delivery, policy: Policy, traceparent: str | None) -> bool:
    """Ask the condition function; its error fails the attempt, or only skips it (section 1.4)."""
    if policy.condition_function_id is None:
        return True
    try:
        return await condition_holds(
            process_engine.get().invoker,
            policy.condition_function_id,
            Payload.of_json(row.payload.encode()),
            namespace=row.namespace,
            timeout_s=policy.timeout_s,
            traceparent=traceparent,
        )
    except IiiError as error:
        if policy.condition_error == "skip":
            logger.warning("The condition of delivery %s failed.", row.pk, exc_info=True)
            return False
        # A condition that is not there is a failure: it is not the function that is away.
        raise InvocationFailed(error.message, code=error.code) from error


def _call(row: Delivery, policy: Policy, traceparent: str | None) -> Call:
    return Call(
        function_id=row.function_id,
        namespace=row.namespace,
        data=Payload.of_json(row.payload.encode()),
        metadata=invocation_metadata(row),
        timeout_s=policy.timeout_s,
        traceparent=traceparent,
        cause=_cause(row, policy.replays),
    )


def _cause(row: Delivery, replays: Replayed | None) -> Cause:
    """Return what the history notes: the runs of a replay are those of the trigger it was of."""
    of = replays or row
    return Cause(
        trigger_type=of.trigger_type,
        trigger_id=of.trigger_id,
        delivery_id=str(row.pk),
        attempt=row.attempts,
        replay_of=replays.run_id if replays is not None else None,
    )


def invocation_metadata(row: Delivery) -> Any:
    """Return what the function learns beside its input.

    ``{"delivery_id": str, "attempt": int, "topic": str, ...}``: the keys of the trigger's metadata
    stand beside them, metadata that is no object under ``trigger_metadata``.
    """
    facts: dict[str, Any] = {"delivery_id": str(row.pk), "attempt": row.attempts}
    if row.topic:
        facts["topic"] = row.topic
    if isinstance(row.metadata, dict):
        return {**row.metadata, **facts}
    return facts if row.metadata is None else {"trigger_metadata": row.metadata, **facts}


def _failure(row: Delivery, error: IiiError) -> Outcome:
    """Tell a function that is not there from one that failed."""
    is_away = isinstance(error, FunctionNotFound | ChannelSendFailed)
    kind = "away" if is_away else "failed"
    return Outcome(delivery=row, kind=kind, code=error.code, message=error.message)  # type: ignore[arg-type]  # a Literal
