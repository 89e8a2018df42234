"""Functions and trigger types of sessions under rules (protocol reference, section 9.5).

What is denied is denied silently, as SDKs expect; the log tells.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from iii_triggers.protocol import messages as m
from iii_triggers.protocol.text import one_line

from .hooks import ask_hooks
from .ownership import may_offer, may_provide

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine

    from .guard import Handler

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class RegistrationGuard:
    """Denies or renames what a worker offers and provides."""

    engine: Engine

    def on_function(
        self, connection: WorkerConnection, message: m.RegisterFunction, handler: Handler
    ) -> Awaitable[None] | None:
        """Register a function under the prefix of the session, if it may."""
        session = connection.session
        may = session.may_register_functions and session.may_use(connection.namespace)
        if not may or _names_a_secret(message):
            deny(connection, "function", message.id)
            return None
        if any(one.hooks.function for one in session.rules):
            return connection.gate.run(self._ask_about_function(connection, message, handler))
        return self._offer(connection, message, message.id, handler)

    def on_unregister_function(
        self, connection: WorkerConnection, message: m.UnregisterFunction, handler: Handler
    ) -> Awaitable[None] | None:
        """Withdraw a function under the id it was registered with."""
        otherwise = connection.session.prefix + message.id
        registered = connection.names.forget("function", message.id, otherwise=otherwise)
        return handler(connection, replace(message, id=registered))

    def on_trigger_type(
        self, connection: WorkerConnection, message: m.RegisterTriggerType, handler: Handler
    ) -> Awaitable[None] | None:
        """Provide a trigger type, if the session may."""
        session = connection.session
        namespace = message.namespace if message.namespace is not None else connection.namespace
        if not (session.may_register_trigger_types and session.may_use(namespace)):
            deny(connection, "trigger type", message.id)
            return None
        if any(one.hooks.trigger_type for one in session.rules):
            return connection.gate.run(self._ask_about_type(connection, message, handler))
        return self._provide(connection, message, message.id, handler)

    def on_unregister_trigger_type(
        self, connection: WorkerConnection, message: m.UnregisterTriggerType, handler: Handler
    ) -> Awaitable[None] | None:
        """Withdraw a trigger type under the id it was registered with."""
        registered = connection.names.forget("trigger_type", message.id, otherwise=message.id)
        return handler(connection, replace(message, id=registered))

    async def _ask_about_function(
        self, connection: WorkerConnection, message: m.RegisterFunction, handler: Handler
    ) -> None:
        facts = {
            "function_id": message.id,
            "description": message.description,
            "metadata": message.metadata,
            "namespace": connection.namespace,
            "context": connection.session.context,
        }
        hooks = [one.hooks.function for one in connection.session.rules if one.hooks.function]
        may_change = ("function_id", "description", "metadata")
        answer = await ask_hooks(self.engine, hooks, facts, may_change=may_change)
        if answer is None or not isinstance(answer["function_id"], str):
            deny(connection, "function", message.id)
            return
        allowed = replace(
            message,
            id=answer["function_id"],
            description=_text(answer["description"]),
            metadata=answer["metadata"],
        )
        await _settle(self._offer(connection, allowed, message.id, handler))

    def _offer(
        self,
        connection: WorkerConnection,
        message: m.RegisterFunction,
        own_id: str,
        handler: Handler,
    ) -> Awaitable[None] | None:
        registered = connection.session.prefix + message.id
        if not may_offer(self.engine, connection, registered):
            deny(connection, "function", registered)
            return None
        connection.names.rename("function", own_id, registered)
        return handler(connection, replace(message, id=registered))

    async def _ask_about_type(
        self, connection: WorkerConnection, message: m.RegisterTriggerType, handler: Handler
    ) -> None:
        facts = {
            "trigger_type_id": message.id,
            "description": message.description,
            "context": connection.session.context,
        }
        rules = connection.session.rules
        hooks = [one.hooks.trigger_type for one in rules if one.hooks.trigger_type]
        may_change = ("trigger_type_id", "description")
        answer = await ask_hooks(self.engine, hooks, facts, may_change=may_change)
        if answer is None or not isinstance(answer["trigger_type_id"], str):
            deny(connection, "trigger type", message.id)
            return
        allowed = replace(
            message, id=answer["trigger_type_id"], description=_text(answer["description"])
        )
        await _settle(self._provide(connection, allowed, message.id, handler))

    def _provide(
        self,
        connection: WorkerConnection,
        message: m.RegisterTriggerType,
        own_id: str,
        handler: Handler,
    ) -> Awaitable[None] | None:
        namespace = message.namespace if message.namespace is not None else connection.namespace
        if not may_provide(self.engine, connection, (namespace, message.id)):
            deny(connection, "trigger type", message.id)
            return None
        connection.names.rename("trigger_type", own_id, message.id)
        return handler(connection, message)


def deny(connection: WorkerConnection, what: str, id_: str) -> None:
    """Note in the log what a worker was not allowed to register."""
    logger.warning(
        "Worker %s may not register the %s %s.", connection.worker_id, what, one_line(id_)
    )


async def _settle(work: Awaitable[None] | None) -> None:
    if work is not None:
        await work


def _names_a_secret(message: m.RegisterFunction) -> bool:
    """Tell whether a secret of the site would go to a URL, which the worker has chosen."""
    invocation = message.invocation
    return isinstance(invocation, dict) and invocation.get("auth") is not None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
