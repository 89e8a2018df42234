"""Sends the outcome of a call to the worker that made it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec import Raw

from iii_triggers.protocol import messages as m
from iii_triggers.protocol.codec import error_body
from iii_triggers.protocol.errors import ChannelSendFailed, IiiError, PayloadTooLarge

from .calls import Done, Outcome
from .connections import WorkerConnection

logger = logging.getLogger(__name__)


def answer_to(connection: WorkerConnection, message: m.InvokeFunction) -> Done:
    """Return what takes the outcome of a call and sends it, if anybody waits for it."""
    is_void = message.action is not None and message.action.type == "void"
    if message.invocation_id is None or is_void:
        return _discard

    def answer(outcome: Outcome) -> None:
        result = m.InvocationResult(
            invocation_id=message.invocation_id,
            function_id=message.function_id,
            traceparent=message.traceparent,
            baggage=message.baggage,
        )
        send_result(connection, result, outcome)

    return answer


def send_result(connection: WorkerConnection, result: m.InvocationResult, outcome: Outcome) -> None:
    """Fill in a result and send it; a caller that is gone needs none."""
    try:
        _fill(result, outcome)
        connection.send(result)
    except PayloadTooLarge as error:
        result.result, result.error = m.ABSENT, error_body(error)
        connection.send(result)
    except ChannelSendFailed:
        logger.debug("The caller of %s is gone.", result.function_id)


def then(answer: Done, step: Callable[[], None]) -> Done:
    """Answer, then take another step."""

    def answer_and_step(outcome: Outcome) -> None:
        try:
            answer(outcome)
        finally:
            step()

    return answer_and_step


def _fill(result: m.InvocationResult, outcome: Outcome) -> None:
    if isinstance(outcome, IiiError):
        result.error = error_body(outcome)
        return
    if not outcome.present:
        return
    try:
        result.result = Raw(outcome.json())
    except IiiError as error:
        result.error = error_body(error)


def _discard(outcome: Outcome) -> None:
    """Take the outcome of a call nobody waits for."""
    if isinstance(outcome, IiiError):
        logger.debug("A fire-and-forget call failed: %s", outcome.message)
