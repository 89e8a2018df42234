"""Trigger types that workers provide: their triggers are forwarded to the provider's socket.

The engine never fires such a trigger; the provider does, by calling its function
(protocol reference, section 5.4).
"""

from __future__ import annotations

from iii_triggers.engine.connections import WorkerConnection
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.messages import RegisterTrigger, UnregisterTrigger

from .base import TriggerRegistrator


class WorkerOwnedTriggerType(TriggerRegistrator):
    """Forwards registrations to one connected worker."""

    def __init__(self, connection: WorkerConnection) -> None:
        self._connection = connection

    async def register_trigger(self, trigger: Trigger) -> None:
        """Send the trigger to the provider; it counts as registered once it is sent.

        Raise ChannelSendFailed when the provider is going away.
        """
        self._connection.send(
            RegisterTrigger(
                id=trigger.id,
                trigger_type=self._connection.names.own_type_id(trigger.trigger_type),
                function_id=trigger.function_id,
                config=trigger.config,
                metadata=trigger.metadata,
                namespace=_unless_default(trigger.namespace),
                trigger_namespace=_unless_default(self._connection.namespace),
            )
        )

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Tell the provider; one that is gone needs no telling."""
        if not self._connection.closed:
            own_type_id = self._connection.names.own_type_id(trigger.trigger_type)
            self._connection.send(UnregisterTrigger(id=trigger.id, trigger_type=own_type_id))


def _unless_default(namespace: str) -> str | None:
    return None if namespace == "default" else namespace
