"""This worker as the provider of custom trigger types: triggers of others come here.

A trigger is delivered again, under the same id, after each reconnection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from iii_triggers.protocol.codec import error_body
from iii_triggers.protocol.errors import IiiError, TriggerRejected
from iii_triggers.protocol.messages import (
    RegisterTrigger,
    TriggerRegistrationResult,
    UnregisterTrigger,
)

from .user_code import UserCode

logger = logging.getLogger(__name__)

Callback = Callable[..., Any]
Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A binding of a function to a trigger type, as callbacks get it."""

    id: str
    type: str
    function_id: str
    config: Any = None
    metadata: Any = None

    @classmethod
    def of(cls, message: RegisterTrigger) -> Trigger:
        """Return the trigger that ``message`` registers."""
        return cls(
            id=message.id,
            type=message.trigger_type,
            function_id=message.function_id,
            config=message.config,
            metadata=message.metadata,
        )


class TriggerHandler(Protocol):
    """Starts and stops the triggers of one trigger type; each method may be a coroutine."""

    def register_trigger(self, trigger: Trigger) -> Any:
        """Start ``trigger``; an exception refuses it."""

    def unregister_trigger(self, trigger: Trigger) -> Any:
        """Stop ``trigger``."""


class Provider:
    """The trigger types of this worker, who handles them, and the triggers they have."""

    def __init__(
        self, *, user_code: UserCode, reply: Callable[[TriggerRegistrationResult], None]
    ) -> None:
        self.on_register: list[Callback] = []
        self.on_unregister: list[Callback] = []
        self._types: dict[str, TriggerHandler | None] = {}
        self._triggers: dict[str, Trigger] = {}
        self._user_code = user_code
        self._reply = reply
        self._last: dict[str, asyncio.Task[None]] = {}

    def add_type(self, type_id: str, handler: TriggerHandler | None) -> None:
        """Accept triggers of this type from now on."""
        self._types[type_id] = handler

    def remove_type(self, type_id: str) -> None:
        """Refuse triggers of this type from now on."""
        self._types.pop(type_id, None)

    def register(self, message: RegisterTrigger) -> None:
        """Run the callbacks for a trigger in the background, then tell the engine how it went."""
        self._queue(message.id, partial(self._register, Trigger.of(message)))

    def unregister(self, message: UnregisterTrigger) -> None:
        """Run the callbacks for the end of a trigger in the background."""
        self._queue(message.id, partial(self._unregister, message))

    def close(self) -> None:
        """Cancel the callbacks that still run."""
        for task in self._last.values():
            task.cancel()

    def _queue(self, trigger_id: str, work: Work) -> None:
        """Run ``work`` once earlier work for the same trigger is done."""
        task = asyncio.create_task(_after(self._last.get(trigger_id), work))
        self._last[trigger_id] = task
        task.add_done_callback(lambda done: self._forget(trigger_id, done))

    def _forget(self, trigger_id: str, done: asyncio.Task[None]) -> None:
        if self._last.get(trigger_id) is done:
            del self._last[trigger_id]

    async def _register(self, trigger: Trigger) -> None:
        error: IiiError | None = None
        try:
            await self._start(trigger)
            self._triggers[trigger.id] = trigger
        except IiiError as failure:
            error = failure
        except Exception as failure:  # whatever it is, it refuses
            logger.warning("Trigger %s refused", trigger.id, exc_info=failure)
            error = TriggerRejected(str(failure) or type(failure).__name__)
        self._reply(_verdict(trigger, error))

    async def _start(self, trigger: Trigger) -> None:
        if trigger.type not in self._types:
            message = f"Trigger type '{trigger.type}' not found"
            raise TriggerRejected(message, code="trigger_type_not_found")
        handler = self._types[trigger.type]
        if handler is not None:
            await self._user_code.run(handler.register_trigger, trigger)
        for callback in self.on_register:
            await self._user_code.run(callback, trigger)

    async def _unregister(self, message: UnregisterTrigger) -> None:
        # The engine sends the id and type only; the rest is what the registration said.
        bare = Trigger(id=message.id, type=message.trigger_type or "", function_id="")
        trigger = self._triggers.pop(message.id, bare)
        handler = self._types.get(trigger.type)
        try:
            if handler is not None:
                await self._user_code.run(handler.unregister_trigger, trigger)
            for callback in self.on_unregister:
                await self._user_code.run(callback, trigger)
        except Exception:
            logger.exception("Trigger %s did not stop cleanly", trigger.id)


async def _after(earlier: asyncio.Task[None] | None, work: Work) -> None:
    if earlier is not None:
        await asyncio.wait([earlier])
    await work()


def _verdict(trigger: Trigger, error: IiiError | None) -> TriggerRegistrationResult:
    return TriggerRegistrationResult(
        id=trigger.id,
        trigger_type=trigger.type,
        function_id=trigger.function_id,
        error=None if error is None else error_body(error),
    )
