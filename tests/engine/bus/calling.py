"""How the tests of the bus call a function and see that it was called."""

from __future__ import annotations

import asyncio
from typing import Any

from iii_triggers.engine.calls import Call
from iii_triggers.engine.core import Engine
from iii_triggers.engine.payload import Payload
from tests.support.workers import FakeWorker


def start(
    engine: Engine, data: Any = None, *, function_id: str = "f", **facts: Any
) -> asyncio.Task[Any]:
    """Call a function without waiting."""

    async def invoke() -> Any:
        call = Call(function_id=function_id, data=Payload.of(data), **facts)
        return (await engine.invoker.invoke(call)).value()

    return asyncio.create_task(invoke())


async def asked(worker: FakeWorker, number: int = 1) -> dict[str, Any]:
    """Return the call that the worker gets, once it does."""
    return (await worker.transport.receive("invokefunction", number))[number - 1]
