"""Runs the functions of this worker when the engine asks, and answers."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from typing import Any

from msgspec import Raw

from iii_triggers.context import Invocation, enter
from iii_triggers.protocol.codec import error_body, from_json, to_json
from iii_triggers.protocol.errors import (
    FunctionNotFound,
    IiiError,
    InvocationFailed,
    InvocationStopped,
    SerializationFailed,
)
from iii_triggers.protocol.messages import ABSENT, ErrorBody, InvocationResult, InvokeFunction

from .registry import Registry
from .slots import Slots
from .specs import NOT_JSON
from .user_code import UserCode

logger = logging.getLogger(__name__)


class Invocations:
    """The invocations that run in this worker, each in a task of its own."""

    def __init__(
        self,
        registry: Registry,
        *,
        user_code: UserCode,
        slots: Slots,
        reply: Callable[[InvocationResult], None],
    ) -> None:
        self._registry = registry
        self._user_code = user_code
        self._slots = slots
        self._reply = reply
        self._running: set[asyncio.Task[None]] = set()

    def start(self, message: InvokeFunction) -> None:
        """Run the function in the background; its outcome goes to ``reply``."""
        task = asyncio.create_task(self._answer(message))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def finish(self, *, grace_s: float) -> None:
        """Wait for what runs, at most ``grace_s``; then cancel what still does."""
        own = asyncio.current_task()
        running = {task for task in self._running if task is not own}
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=grace_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _answer(self, message: InvokeFunction) -> None:
        error: ErrorBody | None = None
        result = ABSENT
        try:
            async with self._slots.occupied():
                result = await self._run(message)
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            error = error_body(InvocationStopped())
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - whatever users raise, answer
            error = _failure_body(message.function_id, failure)
        if message.invocation_id:
            self._reply(_outcome(message, result=result, error=error))

    async def _run(self, message: InvokeFunction) -> Raw:
        function = self._registry.functions.get(message.function_id)
        if function is None:
            raise FunctionNotFound(f"Function '{message.function_id}' not found")
        enter(
            Invocation(
                id=message.invocation_id or "",
                function_id=message.function_id,
                metadata=message.metadata,
                traceparent=message.traceparent,
            )
        )
        value = await self._user_code.run(function.handler, from_json(message.data))
        return _result_of(value)


def _is_cancelled() -> bool:
    """Tell a shutdown from a handler whose own inner task was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _result_of(value: Any) -> Raw:
    if value is None:
        return ABSENT
    try:
        return Raw(to_json(value))
    except NOT_JSON as error:
        raise SerializationFailed(f"The result is not JSON: {error}") from error


def _failure_body(function_id: str, failure: BaseException) -> ErrorBody:
    stacktrace = "".join(traceback.format_exception(failure))
    if isinstance(failure, IiiError):
        return ErrorBody(
            code=failure.code,
            message=failure.message,
            stacktrace=failure.stacktrace or stacktrace,
        )
    logger.warning("Function %s failed", function_id, exc_info=failure)
    message = str(failure) or type(failure).__name__
    return ErrorBody(code=InvocationFailed.code, message=message, stacktrace=stacktrace)


def _outcome(message: InvokeFunction, *, result: Raw, error: ErrorBody | None) -> InvocationResult:
    return InvocationResult(
        invocation_id=message.invocation_id,
        function_id=message.function_id,
        result=result,
        error=error,
        traceparent=message.traceparent,
        baggage=message.baggage,
    )
