"""What providers say of the triggers they were handed (protocol reference, section 3.4).

A call of ``engine::register_trigger`` waits for it, also if the provider is connected to another
node; of any other trigger only a refusal matters.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from iii_triggers.protocol import messages as m
from iii_triggers.protocol.codec import tidy_error
from iii_triggers.protocol.errors import TriggerConflict
from iii_triggers.protocol.text import without_nul

from .bus_messages import Broadcast
from .connections import WorkerConnection
from .network import Network
from .triggers import TriggerRegistry

HOME = "default"
"""The namespace of triggers that calls make."""

Verdict = asyncio.Future[str | None]
"""The text of a refusal, None for consent."""


class VerdictMessage(Broadcast, tag="iii.verdict"):
    """What a provider of this node says of a trigger without an owner."""

    trigger_id: str
    error: str | None = None


class Verdicts:
    """Takes verdicts, and hands them to who waits for them."""

    def __init__(self, triggers: TriggerRegistry, network: Network) -> None:
        self._triggers = triggers
        self._network = network
        self._waiting: dict[str, Verdict] = {}
        network.bus.on(VerdictMessage, self._hear_elsewhere)

    @contextmanager
    def expected(self, trigger_id: str) -> Iterator[Verdict]:
        """Wait for the verdict about a trigger that is about to be registered.

        Raise TriggerConflict if somebody waits for that already.
        """
        if trigger_id in self._waiting:
            raise TriggerConflict(f"Trigger '{trigger_id}' is being registered just now.")
        verdict = self._waiting[trigger_id] = asyncio.get_running_loop().create_future()
        try:
            yield verdict
        finally:
            del self._waiting[trigger_id]
            verdict.cancel()

    async def hear(self, provider: WorkerConnection, message: m.TriggerRegistrationResult) -> None:
        """Take a verdict: a refusal parks the trigger and is passed on to its owner."""
        error = tidy_error(message.error) if message.error is not None else None
        text = without_nul(f"{error.code}: {error.message}") if error is not None else None
        if self._is_durable(message.id, provider):
            if self._settle(message.id, text):
                return
            self._tell_others(message.id, text)
        if error is None or text is None:
            return
        trigger = await self._triggers.reject(
            message.id, trigger_type=message.trigger_type, provider=provider, error=text
        )
        owner = trigger.worker if trigger is not None else None
        if owner is not None and not owner.closed:
            owner.send(
                m.TriggerRegistrationResult(
                    id=message.id,
                    trigger_type=message.trigger_type,
                    function_id=message.function_id or "",
                    error=error,
                )
            )

    def _is_durable(self, trigger_id: str, provider: WorkerConnection) -> bool:
        """Tell whether a call made the trigger, and this very connection was handed it."""
        entry = self._triggers.get(trigger_id, namespace=HOME)
        if entry is None or entry.provider is None or entry.trigger.source != "api":
            return False
        return entry.provider.worker is provider

    def _settle(self, trigger_id: str, error: str | None) -> bool:
        """Hand a verdict to who waits for it; tell whether anybody does."""
        verdict = self._waiting.get(trigger_id)
        if verdict is None or verdict.done():
            return False
        verdict.set_result(error)
        return True

    def _tell_others(self, trigger_id: str, error: str | None) -> None:
        """Tell the other nodes: the call that made the trigger may wait on one of them."""
        message = VerdictMessage(id=uuid.uuid4().hex, trigger_id=trigger_id, error=error)
        self._network.broadcast(message)

    def _hear_elsewhere(self, message: VerdictMessage) -> None:
        self._settle(message.trigger_id, message.error)
