"""Calls of sessions under rules (protocol reference, sections 4.1, 9.4 and 9.6).

Some functions of the engine lead to other functions: what they are asked to do is looked at too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Raw
from msgspec.structs import replace

from iii_triggers.engine.answers import answer_to
from iii_triggers.protocol import messages as m
from iii_triggers.protocol.codec import from_json, to_json
from iii_triggers.protocol.errors import Forbidden, MalformedFrame

from .decision import canonical_id, refusal
from .middleware import middleware_call
from .refusals import answer_id, refuse
from .targets import (
    ENQUEUE,
    FIRE_TRIGGER,
    FIRE_TRIGGERS,
    REGISTER_TRIGGER,
    RELAYS,
    UNREGISTER_TRIGGER,
    check_target,
    verdict_on,
)

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine

    from .guard import Handler
    from .triggers import TriggerGuard

REGISTER_WORKER = "engine::workers::register"


@dataclass(slots=True)
class CallGuard:
    """Refuses calls, and hands calls to the middleware of the session."""

    engine: Engine
    triggers: TriggerGuard

    def act(
        self, connection: WorkerConnection, message: m.InvokeFunction, handler: Handler
    ) -> Awaitable[None] | None:
        """Start a call if the session may make it; a refusal is answered even without an id."""
        if message.namespace is not None and not message.namespace.strip():
            return handler(connection, message)
        try:
            return self._act(connection, message, handler)
        except Forbidden as error:
            refuse(connection, message, error)
        except MalformedFrame as error:
            # An input that is JSON, but beyond what can be read here: told as without rules.
            answer_to(connection, message)(error)
        if canonical_id(message.function_id) == REGISTER_WORKER:
            connection.gate.introduce()
        return None

    def _act(
        self, connection: WorkerConnection, message: m.InvokeFunction, handler: Handler
    ) -> Awaitable[None] | None:
        function_id, namespace = message.function_id, message.namespace or "default"
        verdict = verdict_on(self.engine, connection, namespace, function_id)
        if verdict != "allowed":
            raise refusal(function_id, verdict)
        if message.action is not None and message.action.type == "enqueue":
            check_target(self.engine, connection, namespace, function_id)
        elif canonical_id(function_id) in (*RELAYS, REGISTER_WORKER):
            return self._relay(connection, message, handler)
        return self._call(connection, message, handler)

    def _call(
        self, connection: WorkerConnection, message: m.InvokeFunction, handler: Handler
    ) -> Awaitable[None] | None:
        if connection.session.middleware and not self.engine.functions.is_engines_own(
            message.function_id
        ):
            self._ask_middleware(connection, message, message.function_id)
            return None
        return handler(connection, message)

    def _relay(
        self, connection: WorkerConnection, message: m.InvokeFunction, handler: Handler
    ) -> Awaitable[None] | None:
        data = from_json(bytes(message.data))
        relays: dict[str, Callable[..., Awaitable[None] | None]] = {
            ENQUEUE: self._enqueue,
            FIRE_TRIGGER: self._fire_one,
            FIRE_TRIGGERS: self._fire,
            REGISTER_TRIGGER: self.triggers.on_register_call,
            UNREGISTER_TRIGGER: self.triggers.on_unregister_call,
            REGISTER_WORKER: self._introduce,
        }
        relay = relays[canonical_id(message.function_id)]
        return relay(connection, message, data if isinstance(data, dict) else {}, handler)

    def _introduce(
        self,
        connection: WorkerConnection,
        message: m.InvokeFunction,
        data: dict[str, Any],
        handler: Handler,
    ) -> Awaitable[None] | None:
        namespace = data.get("namespace")
        if isinstance(namespace, str) and not connection.session.may_use(namespace):
            raise Forbidden(f"namespace '{namespace}' not allowed")
        return handler(connection, message)

    def _enqueue(
        self,
        connection: WorkerConnection,
        message: m.InvokeFunction,
        data: dict[str, Any],
        handler: Handler,
    ) -> Awaitable[None] | None:
        target, namespace = data.get("function_id"), data.get("namespace", "default")
        if not isinstance(target, str) or not isinstance(namespace, str):
            return handler(connection, message)
        check_target(self.engine, connection, namespace, target)
        if not connection.session.middleware or self.engine.functions.is_engines_own(target):
            return handler(connection, message)
        queue = data.get("queue")
        queued = replace(
            message,
            namespace=namespace,
            data=Raw(to_json(data.get("data"))),
            action=m.Action(type="enqueue", queue=queue if isinstance(queue, str) else None),
        )
        self._ask_middleware(connection, queued, target)
        return None

    def _fire_one(
        self,
        connection: WorkerConnection,
        message: m.InvokeFunction,
        data: dict[str, Any],
        handler: Handler,
    ) -> Awaitable[None] | None:
        """A session under rules calls the functions that it may call itself."""
        raise Forbidden(f"function '{message.function_id}' not allowed")

    def _fire(
        self,
        connection: WorkerConnection,
        message: m.InvokeFunction,
        data: dict[str, Any],
        handler: Handler,
    ) -> Awaitable[None] | None:
        """All functions that would run must be allowed."""
        type_id, namespace = data.get("trigger_type"), data.get("namespace", "default")
        if isinstance(type_id, str) and isinstance(namespace, str):
            for trigger in self.engine.triggers.active(type_id, namespace):
                check_target(self.engine, connection, trigger.namespace, trigger.function_id)
        return handler(connection, message)

    def _ask_middleware(
        self, connection: WorkerConnection, message: m.InvokeFunction, function_id: str
    ) -> None:
        """Call the middleware in place of a function; its outcome is the answer (section 9.6)."""
        call = middleware_call(connection, message, function_id)
        answered = replace(message, invocation_id=answer_id(message), action=None)
        self.engine.invoker.start(call, answer_to(connection, answered))
