"""Trigger types that record, refuse, fail or hang."""

from __future__ import annotations

import asyncio

from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import TriggerRejected
from iii_triggers.trigger_types.base import TriggerRegistrator


class RecordingType(TriggerRegistrator):
    """Notes what it is asked; ``failure`` is raised by registrations."""

    id = "recording"
    aliases = ("recorder",)
    description = "Records."

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.hangs = False

    async def register_trigger(self, trigger: Trigger) -> None:
        """Note a registration."""
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        self.log.append(("+", trigger.id))

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Note the end of one."""
        self.log.append(("-", trigger.id))
        if self.failure is not None:
            raise self.failure

    def refuse(self, message: str = "no") -> None:
        """Refuse registrations from now on."""
        self.failure = TriggerRejected(message)
