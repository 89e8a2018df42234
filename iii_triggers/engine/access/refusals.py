"""Answers calls that are not allowed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from iii_triggers.engine.answers import send_result
from iii_triggers.protocol import messages as m

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.protocol.errors import Forbidden


def refuse(connection: WorkerConnection, message: m.InvokeFunction, error: Forbidden) -> None:
    """Answer a call that is not allowed; one without an id gets an id nobody waits for."""
    result = m.InvocationResult(
        invocation_id=answer_id(message),
        function_id=message.function_id,
        traceparent=message.traceparent,
        baggage=message.baggage,
    )
    send_result(connection, result, error)


def answer_id(message: m.InvokeFunction) -> str:
    """Return the id of the answer to a call."""
    return message.invocation_id or str(uuid.uuid4())
