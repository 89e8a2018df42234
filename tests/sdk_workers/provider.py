"""The trigger type of a Python worker program, for every SDK version."""

from __future__ import annotations

from typing import Any

from iii.triggers import TriggerConfig, TriggerHandler
from steering import Handler


class Provider(TriggerHandler[Any]):  # type: ignore[misc] # the SDKs are not typed
    """Tells the test about the triggers of a type."""

    def __init__(self, *, added: Handler, removed: Handler) -> None:
        self.added = added
        self.removed = removed

    async def register_trigger(self, config: TriggerConfig[Any]) -> None:
        """Take note of a trigger."""
        self.added(config.model_dump())

    async def unregister_trigger(self, config: TriggerConfig[Any]) -> None:
        """Forget a trigger; versions before 0.19 never get here."""
        self.removed(config.model_dump())
