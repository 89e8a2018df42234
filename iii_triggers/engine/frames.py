"""What each message of a worker does (protocol reference, section 3).

Registrations of one socket take effect in the order of their frames, before the next frame is
read. Calls are only started here: nothing waits for an answer of the socket it came from.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from iii_triggers.protocol import messages as m
from iii_triggers.protocol.codec import error_body, to_json, with_key
from iii_triggers.protocol.errors import (
    IiiError,
    InvalidArguments,
    InvalidNamespace,
    TriggerConflict,
)
from iii_triggers.protocol.text import one_line

from .access.guard import Guard
from .answers import answer_to, then
from .calls import WORKER_CALL_TIMEOUT_S, Call
from .connections import WorkerConnection
from .gate import REGISTER_FUNCTIONS
from .ownership import refuse_function
from .payload import Payload
from .registrations import function_of, http_function_of, trigger_of, trigger_type_of

if TYPE_CHECKING:
    from .core import Engine

logger = logging.getLogger(__name__)

ENQUEUE_FUNCTION = "engine::queue::enqueue"


@dataclass(slots=True)
class FrameHandler:
    """Dispatches decoded messages; ``handle`` returns an awaitable where order must be kept."""

    engine: Engine
    _guard: Guard = field(init=False)
    _handlers: dict[type[m.Message], Callable[[WorkerConnection, Any], Awaitable[None] | None]] = (
        field(init=False)
    )

    def __post_init__(self) -> None:
        self._guard = Guard(self.engine)
        self._handlers = {
            m.InvocationResult: self.on_invocation_result,
            m.InvokeFunction: self.on_invoke_function,
            m.RegisterFunction: self.on_register_function,
            m.UnregisterFunction: self.on_unregister_function,
            m.RegisterTrigger: self.on_register_trigger,
            m.UnregisterTrigger: self.on_unregister_trigger,
            m.RegisterTriggerType: self.on_register_trigger_type,
            m.UnregisterTriggerType: self.on_unregister_trigger_type,
            m.TriggerRegistrationResult: self.on_trigger_registration_result,
            m.Reattach: self.on_reattach,
            m.Ping: self.on_ping,
        }

    def handle(self, connection: WorkerConnection, message: m.AnyMessage) -> Awaitable[None] | None:
        """Act on one message; await what comes back before the next frame of the socket.

        Messages that need no action (services, pong, what only the engine sends) are ignored, and
        so is what a connection still says after it was torn down.
        """
        if connection.closed:
            return None
        if not connection.spoke:
            self.engine.presence.spoke(connection)
        return connection.gate.handle(message)

    def act(self, connection: WorkerConnection, message: m.AnyMessage) -> Awaitable[None] | None:
        """Do what a message asks for, now that it has its turn."""
        handler = self._handlers.get(type(message))
        if handler is None:
            return None
        if connection.session.is_open:
            return handler(connection, message)
        return self._guard.act(connection, message, handler)

    def on_invoke_function(self, connection: WorkerConnection, message: m.InvokeFunction) -> None:
        """Start a call and answer when it is done, unless nobody waits (sections 3.10, 4)."""
        answer = answer_to(connection, message)
        if message.function_id in REGISTER_FUNCTIONS:
            answer = then(answer, connection.gate.introduce)
        if message.namespace is not None and not message.namespace.strip():
            answer(InvalidNamespace())
            return
        if message.action is not None and message.action.type not in ("void", "enqueue"):
            answer(InvalidArguments(f"Unknown action '{message.action.type}'."))
            return
        if message.action is not None and message.action.type == "enqueue":
            self.engine.invoker.start(_enqueue_call(connection, message), answer)
            return
        data = with_key(bytes(message.data), "_caller_worker_id", connection.worker_id)
        call = Call(
            function_id=message.function_id,
            data=Payload.of_json(data),
            namespace=message.namespace or "default",
            metadata=message.metadata,
            invocation_id=message.invocation_id,
            timeout_s=WORKER_CALL_TIMEOUT_S,
            traceparent=message.traceparent,
            baggage=message.baggage,
            caller=connection,
        )
        self.engine.invoker.start(call, answer)

    def on_invocation_result(
        self, connection: WorkerConnection, message: m.InvocationResult
    ) -> None:
        """Take an outcome; late, duplicate and unknown ones are ignored (section 3.11)."""
        self.engine.invoker.accept_result(connection, message)

    def on_register_function(
        self, connection: WorkerConnection, message: m.RegisterFunction
    ) -> None:
        """Offer a function; only a refusal is answered (section 3.6)."""
        info = function_of(connection, message)
        try:
            info, http = http_function_of(info, message)
        except IiiError as error:
            # As in the reference engine nobody is told: the function does not exist.
            reason = f"{error.code}: {one_line(error.message)}"
            logger.warning("Function %s was refused, %s", one_line(message.id), reason)
            return
        refusal = refuse_function(self.engine.functions, info, connection)
        if refusal is not None:
            logger.warning("Function %s has another owner.", one_line(message.id))
            connection.send(refusal)
            return
        self.engine.functions.offer(info, connection, http=http)
        self.engine.mirror.function_offered(info, connection)

    def on_unregister_function(
        self, connection: WorkerConnection, message: m.UnregisterFunction
    ) -> None:
        """Withdraw a function of this connection; others are not touched (section 3.7)."""
        if self.engine.functions.withdraw(connection.namespace, message.id, connection):
            self.engine.mirror.function_withdrawn(connection.namespace, message.id, connection)

    async def on_register_trigger(
        self, connection: WorkerConnection, message: m.RegisterTrigger
    ) -> None:
        """Register a trigger; only a refusal is answered (section 3.3)."""
        try:
            await self.engine.triggers.register(trigger_of(connection, message))
        except IiiError as error:
            logger.info("Trigger %s was refused: %s", one_line(message.id), one_line(error.message))
            refusal = m.TriggerRegistrationResult(
                id=message.id,
                trigger_type=message.trigger_type,
                function_id=message.function_id,
                error=error_body(error),
            )
            connection.send(refusal)

    async def on_unregister_trigger(
        self, connection: WorkerConnection, message: m.UnregisterTrigger
    ) -> None:
        """Remove a trigger; unknown ones and the site's own are left alone (section 3.5)."""
        await self.engine.triggers.unregister(message.id)

    async def on_register_trigger_type(
        self, connection: WorkerConnection, message: m.RegisterTriggerType
    ) -> None:
        """Provide a trigger type; nothing is answered (section 3.1)."""
        registrator = self.engine.worker_owned_type(connection)
        provider = trigger_type_of(connection, message, registrator)
        try:
            await self.engine.triggers.register_type(provider)
        except TriggerConflict as error:
            logger.warning("Worker %s: %s", connection.worker_id, one_line(error.message))

    async def on_unregister_trigger_type(
        self, connection: WorkerConnection, message: m.UnregisterTriggerType
    ) -> None:
        """Withdraw a trigger type of this connection (section 3.2)."""
        key = (message.namespace or connection.namespace, message.id)
        await self.engine.triggers.unregister_type(key, connection)

    async def on_trigger_registration_result(
        self, connection: WorkerConnection, message: m.TriggerRegistrationResult
    ) -> None:
        """Hear a provider's verdict (section 3.4)."""
        await self.engine.verdicts.hear(connection, message)

    async def on_reattach(self, connection: WorkerConnection, message: m.Reattach) -> None:
        """Tear the worker's old connection down before the next frame is read (3.12)."""
        old = self.engine.connections.get(message.previous_worker_id)
        if old is None or old is connection:
            return
        if not hmac.compare_digest(
            old.reattach_token.encode(), (message.reattach_token or "").encode()
        ):
            logger.warning("Worker %s sent a wrong reattach token.", connection.worker_id)
            return
        old.close()
        await self.engine.disconnect(old)

    def on_ping(self, connection: WorkerConnection, message: m.Ping) -> None:
        """Answer a JSON ping (section 1.5)."""
        connection.send(m.Pong())


def _enqueue_call(connection: WorkerConnection, message: m.InvokeFunction) -> Call:
    """Return the call that queues another; its result is the receipt (section 3.10)."""
    wanted = {
        "queue": message.action.queue if message.action is not None else None,
        "function_id": message.function_id,
        "namespace": message.namespace or "default",
        "data": Raw(message.data),
        "metadata": message.metadata,
    }
    return Call(
        function_id=ENQUEUE_FUNCTION,
        data=Payload.of_json(to_json(wanted)),
        traceparent=message.traceparent,
        baggage=message.baggage,
        caller=connection,
    )
