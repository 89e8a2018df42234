"""Calls of this worker that wait for their result, and the errors a result may carry."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from iii_triggers.protocol.codec import from_json, tidy_error
from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    Forbidden,
    FunctionNotFound,
    IiiError,
    InvalidArguments,
    InvalidInput,
    InvalidNamespace,
    InvocationFailed,
    InvocationStopped,
    InvocationTimeout,
    LimitExceeded,
    NotFound,
    PayloadTooLarge,
    SerializationFailed,
)
from iii_triggers.protocol.messages import ErrorBody, InvocationResult

from .outbox import Outgoing

ERRORS: dict[str, type[IiiError]] = {
    error.code: error
    for error in (
        ChannelSendFailed,
        Forbidden,
        FunctionNotFound,
        InvalidArguments,
        InvalidInput,
        InvalidNamespace,
        InvocationStopped,
        InvocationTimeout,
        LimitExceeded,
        NotFound,
        PayloadTooLarge,
        SerializationFailed,
    )
}


def error_of(body: ErrorBody | str) -> IiiError:
    """Return the exception for an error on the wire: the class of its code, or InvocationFailed."""
    tidy = tidy_error(body)
    kind = ERRORS.get(tidy.code, InvocationFailed)
    error = kind(tidy.message, code=tidy.code)
    error.stacktrace = tidy.stacktrace
    return error


@dataclass(frozen=True, slots=True)
class _Pending:
    result: asyncio.Future[Any]
    outgoing: Outgoing


class PendingCalls:
    """The calls in flight, by invocation id."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}

    async def result(self, invocation_id: str, outgoing: Outgoing) -> Any:
        """Wait for the result of the call that went out as ``outgoing``; raise its error."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[invocation_id] = _Pending(future, outgoing)
        try:
            return await future
        finally:
            del self._pending[invocation_id]

    def resolve(self, message: InvocationResult) -> None:
        """Hand a result to the call it belongs to; late and unknown ones are ignored."""
        pending = self._pending.get(message.invocation_id or "")
        if pending is None or pending.result.done():
            return
        if message.error is not None:
            pending.result.set_exception(error_of(message.error))
        else:
            pending.result.set_result(from_json(message.result))

    def lost(self) -> None:
        """Fail what was written to the connection that is gone: its results never come."""
        self._stop("The connection to the engine was lost.", only_written=True)

    def shut_down(self) -> None:
        """Fail everything."""
        self._stop("The client was shut down.", only_written=False)

    def _stop(self, reason: str, *, only_written: bool) -> None:
        for pending in self._pending.values():
            if not pending.result.done() and (pending.outgoing.written or not only_written):
                pending.result.set_exception(InvocationStopped(reason))
