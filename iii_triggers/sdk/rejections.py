"""Refusals of triggers by the engine: to who waits for the verdict, else to callbacks."""

from __future__ import annotations

import asyncio
import logging

from iii_triggers.protocol.codec import tidy_error
from iii_triggers.protocol.errors import TriggerRejected
from iii_triggers.protocol.messages import RegisterTrigger, TriggerRegistrationResult

from .confirmations import Confirmations
from .provider import Callback, Trigger
from .registry import Registry
from .user_code import UserCode

logger = logging.getLogger(__name__)


class Rejections:
    """Handles ``triggerregistrationresult`` with an error (protocol reference, section 3.4)."""

    def __init__(
        self, registry: Registry, *, confirmations: Confirmations, user_code: UserCode
    ) -> None:
        self.callbacks: list[Callback] = []
        self._registry = registry
        self._confirmations = confirmations
        self._user_code = user_code
        self._running: set[asyncio.Task[None]] = set()

    def receive(self, message: TriggerRegistrationResult) -> None:
        """Take the verdict on a trigger; a success says nothing new."""
        if message.error is None:
            return
        body = tidy_error(message.error)
        error = TriggerRejected(body.message, code=body.code)
        if not self._confirmations.reject(message.id, error):
            logger.warning("Trigger %s was rejected: %s", message.id, error.message)
            self._tell(self._trigger(message), error)

    def _trigger(self, message: TriggerRegistrationResult) -> Trigger:
        entry = self._registry.triggers.get(message.id)
        known = RegisterTrigger(message.id, message.trigger_type, message.function_id)
        return Trigger.of(known if entry is None else entry.message)

    def _tell(self, trigger: Trigger, error: TriggerRejected) -> None:
        if self.callbacks:
            task = asyncio.create_task(self._run_callbacks(trigger, error))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run_callbacks(self, trigger: Trigger, error: TriggerRejected) -> None:
        for callback in self.callbacks:
            try:
                await self._user_code.run(callback, trigger, error)
            except Exception:
                logger.exception("A triggerRejected callback failed")
