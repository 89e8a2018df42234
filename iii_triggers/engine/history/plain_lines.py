"""The lines of runs that succeeded and are like many others, for COPY.

Most columns are the same for all runs of one trigger on one worker. Their text is made once: to
note such a run takes a third of the time.
"""

from __future__ import annotations

from functools import lru_cache

from iii_triggers.engine.causes import Cause
from iii_triggers.engine.payload import NOTHING

from .copying import has_special_characters, line_of, moment_text
from .rows import MAX_NAME, NO_CAUSE, SUCCEEDED, Facts, run_of


def plain_line(facts: Facts) -> bytes | None:
    """Return the line of a run that succeeded; None if it has something of its own."""
    cause, trace = facts.cause or NO_CAUSE, facts.traceparent
    if cause.delivery_id or cause.replay_of or facts.invocation_id or len(trace) > MAX_NAME:
        return None
    shared = _shared(
        facts.function_id,
        facts.namespace,
        cause.trigger_type,
        cause.trigger_id,
        facts.worker_id,
        facts.worker_name,
        facts.node_id,
        facts.caller,
        cause.attempt,
    )
    if shared is None or has_special_characters(trace):
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
    worker_id: str,
    worker_name: str,
    node_id: str,
    caller: str,
    attempt: int,
) -> str | None:
    """Return the columns from the function to the replay; None if COPY cannot say them."""
    cause = Cause(trigger_type=trigger_type, trigger_id=trigger_id, attempt=attempt)
    worker = (worker_id, worker_name, node_id, caller)
    row = run_of(Facts("", function_id, namespace, cause, *worker, 0.0, None, "", ""), NOTHING)
    try:
        columns = line_of(row).decode().split("\t")
    except ValueError:
        return None
    return "\t".join(columns[2:-6])
