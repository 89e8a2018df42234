"""Runs the functions of this process: the site's, and those built into the engine."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from iii_triggers.context import Invocation, enter
from iii_triggers.protocol.errors import IiiError, InvocationFailed

from .functions import CallContext, LocalFunction
from .payload import NOTHING, Payload
from .threads import SiteThreads

if TYPE_CHECKING:
    from .calls import Outcome, Pending

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[Payload]]


async def run_handler(pending: Pending, function: LocalFunction, threads: SiteThreads) -> Payload:
    """Run a function for a call and return its result; raises whatever the function raises.

    None is "no result"; a built-in function may return a Payload, such as the one of a null.
    """
    call = pending.call
    enter(
        Invocation(
            id=pending.id,
            function_id=call.function_id,
            metadata=call.metadata,
            traceparent=call.traceparent,
            namespace=call.namespace,
            cause=call.cause,
        )
    )
    if pending.traced is not None:
        pending.traced.enter()
    arguments: list[Any] = [call.data.value()]
    if function.is_builtin:
        arguments.append(
            CallContext(
                caller=call.caller,
                function_id=call.function_id,
                data=call.data,
                baggage=call.baggage,
            )
        )
    if function.is_async:
        result = await function.handler(*arguments)
    elif function.is_builtin:
        result = function.handler(*arguments)
    else:
        result = await threads.run(function.handler, *arguments)
    if isinstance(result, Payload):
        return result
    return NOTHING if result is None else Payload.of(result)


async def outcome_of(pending: Pending, work: Work, *, keeps_errors: bool) -> Outcome:
    """Do the work of a call and return how it ended; only a cancellation is raised.

    ``keeps_errors`` tells that an IiiError is about this very call, not about one it made.
    """
    try:
        return await work()
    except IiiError as error:
        return error if keeps_errors else _own_failure(error)
    except (Exception, SystemExit) as error:
        # SystemExit too: left alone it would end the event loop, and so the whole process.
        logger.warning(
            "Function %s failed.",
            pending.call.function_id,
            exc_info=True,
            extra={"action": "invoke", "invocation_id": pending.id},
        )
        return InvocationFailed(str(error) or type(error).__name__)


def _own_failure(error: IiiError) -> InvocationFailed:
    """Return what a function raised as its own error: a call that it made may have failed."""
    return InvocationFailed(error.message, code=error.code, stacktrace=error.stacktrace)
