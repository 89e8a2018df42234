"""Running a function for somebody who waits a while and then looks at the history."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from django.core.exceptions import SynchronousOnlyOperation
from django.db import Error as DatabaseProblem
from django.db import connection

from iii_triggers.engine.calls import Call, Outcome
from iii_triggers.engine.process import process_engine, run_sync
from iii_triggers.protocol.errors import IiiError
from iii_triggers.protocol.json_values import shown_json

logger = logging.getLogger(__name__)

MAX_WAIT_S = 60.0
WRITE_TIMEOUT_S = 2.0
"""How long a caller waits for the history to be written; what then is missing comes soon."""
MARGIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run stands when its caller has waited long enough."""

    run_id: str
    """UUID; finds the run in the history."""
    status: Literal["running", "succeeded", "failed"]
    result: Any = None
    """The JSON value that the function returned; None for none."""
    error_code: str = ""
    error: str = ""


def start(call: Call, *, wait_s: float) -> RunResult:
    """Run ``call`` from plain code and wait at most ``wait_s`` (at most a minute) for its end.

    The history has the run when this returns. A function that nobody offers, as far as this process
    knows, is looked for in the database's newest state. Errors of the call are in the result;
    WrongThread is raised on an event loop.
    """
    wait_s = min(max(wait_s, 0.0), MAX_WAIT_S)
    _release_connection()
    return run_sync(_start(call, wait_s), timeout_s=wait_s + WRITE_TIMEOUT_S + MARGIN_S)


def _release_connection() -> None:
    """Keep none meanwhile: under ASGI all who wait are threads, which would use them up."""
    # On an event loop, where there is none to release, run_sync says what is wrong.
    with suppress(SynchronousOnlyOperation):
        if not connection.in_atomic_block:
            connection.close()


async def _start(call: Call, wait_s: float) -> RunResult:
    engine = process_engine.get()
    call.invocation_id = run_id = engine.invoker.new_id()
    if engine.functions.find(call.namespace, call.function_id) is None:
        await engine.refresh()
    outcome = asyncio.get_running_loop().create_future()

    def settle(ended: Outcome) -> None:
        if not outcome.done():
            outcome.set_result(ended)

    pending = engine.invoker.start(call, settle)
    await asyncio.wait({outcome}, timeout=wait_s)
    if outcome.done():
        await _write(engine.history.flush())
        return _ended(run_id, outcome.result())
    if pending is not None:
        await _write(engine.history.show(pending))
    return RunResult(run_id=run_id, status="running")


async def _write(work: Any) -> None:
    try:
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await work
    except (TimeoutError, DatabaseProblem):
        logger.warning("The history is written later.", exc_info=True)


def _ended(run_id: str, outcome: Outcome) -> RunResult:
    try:
        if not isinstance(outcome, IiiError):
            # A function of the site may return anything.
            result = shown_json(outcome.json())
            return RunResult(run_id=run_id, status="succeeded", result=result)
    except IiiError as error:
        # Valid JSON of a worker may hold what cannot be shown here, such as 1e999.
        outcome = error
    return RunResult(run_id=run_id, status="failed", error_code=outcome.code, error=outcome.message)
