"""The function that gets the calls of a session in place of theirs (reference, section 9.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Raw

from iii_triggers.engine.calls import WORKER_CALL_TIMEOUT_S, Call
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.codec import to_json

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.protocol.messages import InvokeFunction


def middleware_call(
    connection: WorkerConnection, message: InvokeFunction, function_id: str
) -> Call:
    """Return the call of the middleware that stands for one of ``function_id``.

    Its input: ``{"function_id", "payload", "action": null or {"type", "queue"?}, "context",
    "namespace"}``; it is looked for in the namespace of the call.
    """
    namespace = message.namespace or "default"
    data = {
        "function_id": function_id,
        "payload": Raw(message.data),
        "action": message.action,
        "context": connection.session.context,
        "namespace": namespace,
    }
    return Call(
        function_id=connection.session.middleware,
        data=Payload.of_json(to_json(data)),
        namespace=namespace,
        metadata=message.metadata,
        timeout_s=WORKER_CALL_TIMEOUT_S,
        traceparent=message.traceparent,
        baggage=message.baggage,
        caller=connection,
    )
