"""What providers say of the triggers they were handed (protocol reference, section 3.4).

A call of ``engine::register_trigger`` waits for it; of any other trigger only a refusal matters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from iii_triggers.protocol import messages as m
from iii_triggers.protocol.codec import tidy_error
from iii_triggers.protocol.errors import TriggerConflict
from iii_triggers.protocol.text import without_nul

from .connections import WorkerConnection
from .triggers import TriggerRegistry

Verdict = asyncio.Future[str | None]
"""The text of a refusal, None for consent."""


class Verdicts:
    """Takes verdicts, and hands them to who waits for them."""

    def __init__(self, triggers: TriggerRegistry) -> None:
        self._triggers = triggers
        self._waiting: dict[str, Verdict] = {}

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
        if self._is_awaited(message.id, provider, text) or error is None or text is None:
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

    def _is_awaited(self, trigger_id: str, provider: WorkerConnection, error: str | None) -> bool:
        """Hand the verdict of this very provider to who waits for it."""
        verdict = self._waiting.get(trigger_id)
        entry = self._triggers.get(trigger_id)
        if verdict is None or verdict.done() or entry is None or entry.provider is None:
            return False
        if entry.provider.worker is not provider:
            return False
        verdict.set_result(error)
        return True
