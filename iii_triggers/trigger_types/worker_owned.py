"""Trigger types that workers provide: their triggers are forwarded to the provider's socket.

The engine never fires such a trigger; the provider does, by calling its function
(protocol reference, section 5.4).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from iii_triggers.conf import settings
from iii_triggers.engine.connections import WorkerConnection
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import ChannelSendFailed
from iii_triggers.protocol.messages import Message, RegisterTrigger, UnregisterTrigger

from .base import TriggerRegistrator


class WorkerOwnedTriggerType(TriggerRegistrator):
    """Forwards registrations to one connected worker.

    SDKs send the type first and keep its handler afterwards, on another thread; what reaches them
    in between they forget without a word. So the first ``III_TRIGGER_TYPE_GRACE_MS`` milliseconds
    of a type its triggers wait.
    """

    def __init__(self, connection: WorkerConnection) -> None:
        self._connection = connection
        self._held: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._heard_from = time.monotonic() + settings.III_TRIGGER_TYPE_GRACE_MS / 1000

    async def register_trigger(self, trigger: Trigger) -> None:
        """Send the trigger to the provider; it counts as registered once it is sent.

        Raise ChannelSendFailed when the provider is going away.
        """
        self._send(
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
            self._send(UnregisterTrigger(id=trigger.id, trigger_type=own_type_id))

    def dismissed(self) -> None:
        """Say nothing of what still waits: who provides the type now hears of its triggers."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _send(self, message: Message) -> None:
        wait_s = self._heard_from - time.monotonic()
        if not self._held and (wait_s <= 0 or self._connection.closed):
            self._connection.send(message)
            return
        self._held.append(self._connection.frame(message))
        if len(self._held) == 1:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._release)

    def _release(self) -> None:
        """Send what was held; of a provider that goes its end is heard anyway."""
        held, self._held, self._timer = self._held, [], None
        with suppress(ChannelSendFailed):
            for frame in held:
                self._connection.transport.send_text(frame)


def _unless_default(namespace: str) -> str | None:
    return None if namespace == "default" else namespace
