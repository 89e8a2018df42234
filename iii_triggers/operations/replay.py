"""Replays: runs are made again, one by one while somebody waits, or many through the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from iii_triggers.delivery.calls import QueuedCall, check_call, queue_calls
from iii_triggers.delivery.create import check_size
from iii_triggers.delivery.policy import Policy, Replayed
from iii_triggers.engine.calls import Call
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Invocation
from iii_triggers.protocol.errors import IiiError

from .firing import timeout_s
from .inputs import NotReplayable, Source, sources_of
from .invoking import refuse_builtin
from .runs import RunResult, start

__all__ = ["NotReplayable", "ReplayCounts", "replay", "replay_edited", "replay_many"]

BATCH = 100
MAX_REPLAYS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCounts:
    """What became of a selection of runs."""

    queued: int
    """Accepted: each is a delivery now, which is kept until it has an outcome."""
    refused: Mapping[str, int]
    """How many were left out by why: ``cut``, ``redacted``, ``not_kept``, or an error code."""
    has_more: bool
    """Whether the selection has more runs than were looked at."""


def replay(invocation: Invocation, *, wait_s: float) -> RunResult:
    """Run a function again as in ``invocation`` and wait at most ``wait_s`` for its end.

    Function, namespace and input are the same, the metadata is what the trigger has now. The new
    run names the one it repeats in ``replay_of``, also if that was a replay itself. Raise
    NotReplayable if the input is not known; one of a delivery always is.
    """
    (source,) = sources_of([invocation])
    return start(_call(source, source.input()), wait_s=wait_s)


def replay_edited(invocation: Invocation, data: Any, *, wait_s: float) -> RunResult:
    """Run a function again as in ``invocation``, but with ``data`` (any JSON value).

    Raise SerializationFailed for what is no JSON, PayloadTooLarge over ``III_MAX_PAYLOAD_BYTES``,
    and Forbidden for a direct call of a function of the engine: see ``invoke``.
    """
    (source,) = sources_of([invocation])
    text = Payload.of(data).json()
    check_size(text)
    call = _call(source, Payload.of_json(text))
    if not invocation.trigger_id:
        refuse_builtin(call)
    return start(call, wait_s=wait_s)


def replay_many(runs: QuerySet[Invocation], *, limit: int = MAX_REPLAYS) -> ReplayCounts:
    """Queue the runs of a selection again, oldest first, ``limit`` at most.

    They go through the named queue ``default``, so they run at least once each, whatever dies
    meanwhile. Those that cannot be repeated are counted and left out. A batch is accepted as a
    whole; a database that goes away leaves the batches before it accepted, and raises.
    """
    queued, looked_at = 0, 0
    refused: Counter[str] = Counter()
    for batch in _batches(runs, limit + 1):
        calls = _accepted(batch[: limit - looked_at], refused)
        queued += len(queue_calls(calls)) if calls else 0
        looked_at += len(batch)
    return ReplayCounts(queued=queued, refused=dict(refused), has_more=looked_at > limit)


def _call(source: Source, data: Payload) -> Call:
    run = source.run
    return Call(
        function_id=run.function_id,
        namespace=run.namespace,
        data=data,
        metadata=source.metadata,
        timeout_s=_timeout_s(source),
        cause=Cause(
            trigger_type=run.trigger_type, trigger_id=run.trigger_id, replay_of=str(run.pk)
        ),
    )


def _timeout_s(source: Source) -> float | None:
    if source.trigger is not None:
        return timeout_s(source.trigger)
    return Policy.of(source.delivery.policy).timeout_s if source.delivery is not None else None


def _batches(runs: QuerySet[Invocation], limit: int) -> Iterator[list[Invocation]]:
    """Yield up to ``limit`` runs in the order of their ids; those that come meanwhile are left."""
    runs = runs.order_by("pk")
    last = runs.reverse().values_list("pk", flat=True).first()
    batch: list[Invocation] = []
    while limit > 0 and last is not None:
        rest = runs.filter(pk__gt=batch[-1].pk) if batch else runs
        batch = list(rest.filter(pk__lte=last)[: min(BATCH, limit)])
        if not batch:
            return
        yield batch
        limit -= len(batch)


def _accepted(runs: list[Invocation], refused: Counter[str]) -> list[QueuedCall]:
    calls = []
    for source in sources_of(runs):
        try:
            call = _queued(source)
            check_call(call)
        except NotReplayable as error:
            refused[error.reason] += 1
        except IiiError as error:
            refused[error.code] += 1
        else:
            calls.append(call)
    return calls


def _queued(source: Source) -> QueuedCall:
    run = source.run
    return QueuedCall(
        function_id=run.function_id,
        namespace=run.namespace,
        data=source.input(),
        metadata=source.metadata,
        replays=Replayed(
            run_id=str(run.pk), trigger_type=run.trigger_type, trigger_id=run.trigger_id
        ),
    )
