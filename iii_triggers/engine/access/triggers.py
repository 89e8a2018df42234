"""Triggers of sessions under rules (protocol reference, sections 3.3 and 9.5).

``engine::register_trigger`` and ``engine::unregister_trigger`` are held to the same rules; there a
denial is answered, because somebody waits.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Raw
from msgspec.structs import replace

from iii_triggers.protocol import messages as m
from iii_triggers.protocol.codec import error_body, to_json
from iii_triggers.protocol.errors import Forbidden
from iii_triggers.protocol.text import one_line

from .hooks import ask_hooks
from .ownership import check_powers, check_rivals, owns_trigger
from .refusals import refuse
from .registrations import deny
from .targets import check_config, check_target

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine

    from .guard import Handler

logger = logging.getLogger(__name__)

FUNCTIONS_AVAILABLE = "engine::functions-available"
CHANGEABLE = ("trigger_id", "trigger_type", "function_id", "config")


@dataclass(slots=True)
class TriggerGuard:
    """Denies triggers, or has them bound to what the session may call."""

    engine: Engine

    def on_register(
        self, connection: WorkerConnection, message: m.RegisterTrigger, handler: Handler
    ) -> Awaitable[None] | None:
        """Register a trigger, if the session may; a forbidden target is answered."""
        namespaces = (message.namespace, message.trigger_namespace)
        if any(name is not None and not name.strip() for name in namespaces):
            return handler(connection, message)
        if not self._may_bind(connection, message.trigger_type):
            deny(connection, "trigger", message.id)
            return None
        if _hooks(connection):
            return connection.gate.run(self._ask(connection, message, handler))
        return self._bind(connection, message, message.id, handler)

    def on_unregister(
        self, connection: WorkerConnection, message: m.UnregisterTrigger, handler: Handler
    ) -> Awaitable[None] | None:
        """Remove a trigger of this worker; others are left alone."""
        registered = connection.names.forget("trigger", message.id, otherwise=message.id)
        if not owns_trigger(self.engine, connection, registered):
            return None
        return handler(connection, replace(message, id=registered))

    def on_register_call(
        self,
        connection: WorkerConnection,
        message: m.InvokeFunction,
        data: dict[str, Any],
        handler: Handler,
    ) -> Awaitable[None] | None:
        """Look at what ``engine::register_trigger`` is asked to bind. Raise Forbidden."""
        wanted = _wanted(data)
        if wanted is None:
            return handler(connection, message)
        if not self._may_bind(connection, wanted.trigger_type):
            raise Forbidden(f"trigger type '{wanted.trigger_type}' not allowed")
        if _hooks(connection):
            work = self._ask_for_call(connection, message, data, wanted, handler)
            return connection.gate.run(work)
        return handler(connection, self._checked_call(connection, message, data, wanted))

    def on_unregister_call(
        self,
        connection: WorkerConnection,
        message: m.InvokeFunction,
        data: dict[str, Any],
        handler: Handler,
    ) -> Awaitable[None] | None:
        """Let ``engine::unregister_trigger`` take away own triggers only. Raise Forbidden."""
        trigger_id = data.get("id")
        if isinstance(trigger_id, str) and not (
            connection.names.has_made(trigger_id)
            or owns_trigger(self.engine, connection, trigger_id)
        ):
            raise Forbidden(f"trigger '{trigger_id}' is not one of this worker")
        return handler(connection, message)

    def _may_bind(self, connection: WorkerConnection, type_id: str) -> bool:
        ids = {type_id, self.engine.triggers.canonical(type_id)}
        return any(connection.session.may_bind(id_) for id_ in ids)

    async def _ask(
        self, connection: WorkerConnection, message: m.RegisterTrigger, handler: Handler
    ) -> None:
        allowed = await self._ask_hooks(connection, message)
        if allowed is None:
            deny(connection, "trigger", message.id)
            return
        work = self._bind(connection, allowed, message.id, handler)
        if work is not None:
            await work

    async def _ask_hooks(
        self, connection: WorkerConnection, message: m.RegisterTrigger
    ) -> m.RegisterTrigger | None:
        facts = {
            "trigger_id": message.id,
            "trigger_type": message.trigger_type,
            "function_id": message.function_id,
            "config": message.config,
            "metadata": message.metadata,
            "namespace": message.namespace or "default",
            "context": connection.session.context,
        }
        answer = await ask_hooks(self.engine, _hooks(connection), facts, may_change=CHANGEABLE)
        if answer is None or not all(isinstance(answer[key], str) for key in CHANGEABLE[:3]):
            return None
        return replace(
            message,
            id=answer["trigger_id"],
            trigger_type=answer["trigger_type"],
            function_id=answer["function_id"],
            config=answer["config"],
        )

    def _bind(
        self,
        connection: WorkerConnection,
        message: m.RegisterTrigger,
        own_id: str,
        handler: Handler,
    ) -> Awaitable[None] | None:
        target = connection.session.prefix + message.function_id
        bound = replace(message, function_id=target)
        try:
            self._check(connection, bound)
        except Forbidden as error:
            _refuse_trigger(connection, message, own_id, error)
            return None
        connection.names.rename("trigger", own_id, message.id)
        return handler(connection, bound)

    def _check(self, connection: WorkerConnection, message: m.RegisterTrigger) -> None:
        namespace = message.namespace or "default"
        check_target(self.engine, connection, namespace, message.function_id)
        check_config(self.engine, connection, namespace, message.config)
        self._check_type(connection, message)
        if not owns_trigger(self.engine, connection, message.id, or_free=True):
            raise Forbidden(f"trigger id '{message.id}' is taken")

    def _check_type(self, connection: WorkerConnection, wanted: m.RegisterTrigger) -> None:
        """Look at what the type makes of a config; a hook has looked at its powers."""
        check_rivals(self.engine, connection, wanted)
        if not _hooks(connection):
            check_powers(self.engine, wanted)

    async def _ask_for_call(
        self,
        connection: WorkerConnection,
        message: m.InvokeFunction,
        data: dict[str, Any],
        wanted: m.RegisterTrigger,
        handler: Handler,
    ) -> None:
        try:
            allowed = await self._ask_hooks(connection, wanted)
            if allowed is None:
                raise Forbidden("The trigger is not allowed.")
            checked = self._checked_call(connection, message, data, allowed)
        except Forbidden as error:
            refuse(connection, message, error)
            return
        work = handler(connection, checked)
        if work is not None:
            await work

    def _checked_call(
        self,
        connection: WorkerConnection,
        message: m.InvokeFunction,
        data: dict[str, Any],
        wanted: m.RegisterTrigger,
    ) -> m.InvokeFunction:
        """Return the call as it is allowed, with an id of its own. Raise Forbidden."""
        target = connection.session.prefix + wanted.function_id
        namespace = wanted.namespace or "default"
        check_target(self.engine, connection, namespace, target)
        check_config(self.engine, connection, namespace, wanted.config)
        self._check_type(connection, wanted)
        if self.engine.triggers.canonical(wanted.trigger_type) == FUNCTIONS_AVAILABLE:
            raise Forbidden("Without an owner such a trigger would tell of every function.")
        if data.get("id") is not None:
            raise Forbidden("A worker under rules cannot choose the id of such a trigger.")
        trigger_id = str(uuid.uuid4())
        connection.names.made(trigger_id)
        changed = {
            "id": trigger_id,
            "trigger_type": wanted.trigger_type,
            "function_id": target,
            "config": wanted.config,
        }
        return replace(message, data=Raw(to_json({**data, **changed})))


def _hooks(connection: WorkerConnection) -> list[str]:
    return [one.hooks.trigger for one in connection.session.rules if one.hooks.trigger]


def _wanted(data: dict[str, Any]) -> m.RegisterTrigger | None:
    """Return what the function is asked to bind, None if its input has the wrong shape."""
    texts = [data.get(key) for key in ("trigger_type", "function_id")]
    namespace = data.get("namespace")
    if not all(isinstance(text, str) for text in texts):
        return None
    if namespace is not None and not isinstance(namespace, str):
        return None
    id_ = data.get("id")
    return m.RegisterTrigger(
        id=id_ if isinstance(id_, str) else "",
        trigger_type=data["trigger_type"],
        function_id=data["function_id"],
        config=data.get("config"),
        metadata=data.get("metadata"),
        namespace=namespace,
    )


def _refuse_trigger(
    connection: WorkerConnection, message: m.RegisterTrigger, own_id: str, error: Forbidden
) -> None:
    logger.info("Trigger %s was refused: %s", one_line(own_id), one_line(error.message))
    connection.send(
        m.TriggerRegistrationResult(
            id=own_id,
            trigger_type=message.trigger_type,
            function_id=message.function_id,
            error=error_body(error),
        )
    )
