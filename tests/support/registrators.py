"""Trigger types that record, refuse, fail or hang."""

from __future__ import annotations

import asyncio
from typing import Any

from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger, TriggerTypeEntry
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


async def add_type(engine: Engine, recording: RecordingType) -> TriggerTypeEntry:
    """Register the type with the engine."""
    entry = TriggerTypeEntry(id=recording.id, namespace="default", registrator=recording)
    await engine.triggers.register_type(entry)
    return entry


def of_the_site(trigger_id: str, **facts: Any) -> Trigger:
    """Return a trigger of the site on the recording type."""
    values = {"trigger_type": "recording", "function_id": "f", "source": "admin", "pk": 1}
    return Trigger(id=trigger_id, **{**values, **facts})  # type: ignore[arg-type]


def state(engine: Engine, trigger_id: str) -> str | None:
    """Return the state of a trigger; None if there is none."""
    entry = engine.triggers.get(trigger_id)
    return entry.state if entry else None
