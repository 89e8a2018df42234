"""Asks the session of a connection before a frame takes effect.

Only connections under rules come here: of the others every frame goes straight to its handler.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from iii_triggers.protocol import messages as m

from .calls import CallGuard
from .registrations import RegistrationGuard
from .triggers import TriggerGuard

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine

Handler = Callable[["WorkerConnection", Any], Awaitable[None] | None]
Check = Callable[["WorkerConnection", Any, Handler], Awaitable[None] | None]


class Guard:
    """Lets a message through to its handler, maybe changed, or stops it."""

    def __init__(self, engine: Engine) -> None:
        registrations, triggers = RegistrationGuard(engine), TriggerGuard(engine)
        self._checks: dict[type[m.Message], Check] = {
            m.InvokeFunction: CallGuard(engine, triggers).act,
            m.RegisterFunction: registrations.on_function,
            m.UnregisterFunction: registrations.on_unregister_function,
            m.RegisterTriggerType: registrations.on_trigger_type,
            m.UnregisterTriggerType: registrations.on_unregister_trigger_type,
            m.RegisterTrigger: triggers.on_register,
            m.UnregisterTrigger: triggers.on_unregister,
        }

    def act(
        self, connection: WorkerConnection, message: m.AnyMessage, handler: Handler
    ) -> Awaitable[None] | None:
        """Do what a message asks for, as far as the session of the connection allows it."""
        check = self._checks.get(type(message))
        return check(connection, message, handler) if check else handler(connection, message)
