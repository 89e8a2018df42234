"""Running a function because somebody asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iii_triggers.engine.calls import Call
from iii_triggers.engine.functions import LocalFunction
from iii_triggers.engine.payload import Payload
from iii_triggers.engine.process import process_engine, run_sync
from iii_triggers.protocol.errors import Forbidden

from .runs import RunResult, start

START_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to run."""

    function_id: str
    namespace: str = "default"
    data: Any = None
    """Any JSON value."""
    metadata: Any = None
    timeout_s: float | None = None
    """None is the site's ``III_DEFAULT_TIMEOUT_MS``."""


def invoke(wish: Wish, *, wait_s: float) -> RunResult:
    """Run a function of a worker or of the site; wait at most ``wait_s`` for its end.

    Errors of the function are in the result. Raise Forbidden for a function of the engine: what
    those read and change has permissions of its own. Raise SerializationFailed for what is no JSON.
    """
    call = Call(
        function_id=wish.function_id,
        namespace=wish.namespace,
        data=Payload.of_json(Payload.of(wish.data).json()),
        metadata=wish.metadata,
        timeout_s=wish.timeout_s,
    )
    refuse_builtin(call)
    return start(call, wait_s=wait_s)


def refuse_builtin(call: Call) -> None:
    """Raise Forbidden if ``call`` is one of a function of the engine itself."""
    # On the loop of the engine, which starts with it and only then knows its functions.
    if run_sync(_is_builtin(call), timeout_s=START_TIMEOUT_S):
        raise Forbidden("Functions of the engine cannot be called from here.")


async def _is_builtin(call: Call) -> bool:
    found = process_engine.get().functions.find(call.namespace, call.function_id)
    return isinstance(found, LocalFunction) and found.is_builtin
