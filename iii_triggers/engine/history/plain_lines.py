"""The lines of runs that succeeded and are like many others, for COPY.

Most columns are the same for all runs of one trigger on one worker. Their text is made once: to
note such a run takes a third of the time.
"""

from __future__ import annotations

from functools import lru_cache

from .copying import has_special_characters, line_of, moment_text
from .rows import MAX_NAME, MAX_WORKER_NAME, NO_CAUSE, SUCCEEDED, Facts, Run, workers_of


def plain_line(facts: Facts, node_id: str) -> bytes | None:
    """Return the line of a run that succeeded; None if it has something of its own."""
    cause, trace = facts.cause or NO_CAUSE, facts.traceparent or ""
    if cause.delivery_id or cause.replay_of or facts.invocation_id != facts.run_id:
        return None
    shared = _shared(
        facts.function_id,
        facts.namespace,
        cause.trigger_type,
        cause.trigger_id,
        cause.attempt,
        *workers_of(facts),
        node_id,
    )
    if shared is None or len(trace) > MAX_NAME or has_special_characters(trace):
        return None
    line = (
        f"{facts.run_id}\t{SUCCEEDED}\t{shared}\t{moment_text(facts.started_at)}"
        f"\t{facts.duration_ms}\t\t\t{trace}\t\n"
    )
    return line.encode()


@lru_cache(maxsize=1024)
def _shared(
    function_id: str,
    namespace: str,
    trigger_type: str,
    trigger_id: str,
    attempt: int,
    worker_id: str,
    worker_name: str,
    caller: str,
    node_id: str,
) -> str | None:
    """Return the columns from the function to the replay; None if COPY cannot say them."""
    row = Run(
        id="",
        status="",
        function_id=function_id[:MAX_NAME],
        namespace=namespace[:MAX_NAME],
        trigger_type=trigger_type[:MAX_NAME],
        trigger_id=trigger_id[:MAX_NAME],
        worker_id=worker_id,
        worker_name=worker_name[:MAX_WORKER_NAME],
        node_id=node_id,
        caller=caller[:MAX_WORKER_NAME],
        delivery_id=None,
        attempt=attempt,
        replay_of=None,
        started_at="",
        duration_ms=None,
        error_code="",
        error="",
        traceparent="",
        invocation_id="",
    )
    try:
        columns = line_of(row).decode().split("\t")
    except ValueError:
        return None
    return "\t".join(columns[2:-6])
