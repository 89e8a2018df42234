"""The trigger type ``engine::functions-available``: the set of functions changed.

Protocol reference, section 7.7. Changes are gathered until none came for a moment, but not for
long, so a fleet that arrives costs a handful of firings. Each trigger is fired again only when its
function is done with the last firing, and gets what is there then: nothing piles up.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from iii_triggers.builtins.function_rows import Row, function_rows, known_functions
from iii_triggers.builtins.visibility import info_of, sees_everything, visible
from iii_triggers.engine.calls import Call, Outcome
from iii_triggers.engine.firing import about
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.codec import to_json
from iii_triggers.protocol.errors import IiiError

from .base import TriggerRegistrator

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine
    from iii_triggers.engine.functions import Key
    from iii_triggers.engine.trigger_values import Trigger, TriggerKey

logger = logging.getLogger(__name__)

QUIET_S = 0.25
"""How long nothing may have changed before triggers fire."""
LONGEST_S = 2.0
"""They fire after this long at the latest."""


@dataclass(slots=True, eq=False)
class Subscriber:
    """A trigger, and whether its function runs or has missed something."""

    trigger: Trigger
    is_busy: bool = False
    is_behind: bool = False


class FunctionsAvailableTriggerType(TriggerRegistrator):
    """Runs a function when functions came or went, on this node or another.

    Triggers of the site fire on the node where that happened, those of workers on every node.
    """

    id = "engine::functions-available"
    description = "Runs a function when the set of functions changed."
    config_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Functions available",
        "description": "There is nothing to configure.",
        "type": "object",
        "properties": {},
    }
    call_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Functions available",
        "type": "object",
        "required": ["event", "functions"],
        "properties": {
            "event": {"const": "functions_changed"},
            "functions": {
                "description": "All functions there are now, the engine's own too.",
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["function_id", "namespace", "worker_name"],
                    "properties": {
                        "function_id": {"type": "string"},
                        "namespace": {"type": "string"},
                        "worker_name": {"type": "string"},
                        "description": {"type": "string"},
                        "metadata": {"type": "object"},
                    },
                },
            },
        },
    }

    def __init__(self) -> None:
        self._subscribers: dict[TriggerKey, Subscriber] = {}
        self._engine: Engine | None = None
        self._known: set[Key] = set()
        """The functions that were there when triggers fired last."""
        self._rows: list[Row] | None = None
        self._whole = b""
        """The input with all rows."""
        self._changed_here = False
        self._changed_at = 0.0
        self._due_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def bind(self, engine: Engine) -> None:
        """Watch the functions of this node and of others."""
        self._engine = engine
        engine.functions.watchers.append(partial(self._changed, here=True))
        engine.functions.remote.watchers.append(partial(self._changed, here=False))

    async def unbind(self) -> None:
        """Fire nothing any more."""
        self._subscribers.clear()
        self._stop_timer()

    async def register_trigger(self, trigger: Trigger) -> None:
        """Fire the trigger at the next change, not now. Raise InvalidConfig."""
        self.validate_config(trigger.config)
        if not self._subscribers and self._engine is not None:
            self._known = set(known_functions(self._engine))
        self._subscribers[trigger.key] = Subscriber(trigger)

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Stop firing it."""
        self._subscribers.pop(trigger.key, None)
        if not self._subscribers:
            self._stop_timer()
            self._rows, self._whole = None, b""

    def triggers(self) -> list[Trigger]:
        """Return the triggers that fire."""
        return [subscriber.trigger for subscriber in self._subscribers.values()]

    def _changed(self, *, here: bool) -> None:
        """Note a change; this is called for each of thousands, so it does next to nothing."""
        if not self._subscribers:
            return
        self._changed_here |= here
        loop = asyncio.get_running_loop()
        self._changed_at = loop.time()
        if self._timer is None:
            self._due_at = self._changed_at + LONGEST_S
            self._timer = loop.call_later(QUIET_S, self._look)

    def _look(self) -> None:
        """Fire, unless changes are still coming."""
        loop = asyncio.get_running_loop()
        at = min(self._changed_at + QUIET_S, self._due_at)
        if loop.time() < at:
            self._timer = loop.call_at(at, self._look)
            return
        self._timer = None
        changed_here, self._changed_here = self._changed_here, False
        if self._engine is None:
            return
        now = set(known_functions(self._engine))
        if now != self._known:
            self._known, self._rows = now, None
            for subscriber in list(self._subscribers.values()):
                if changed_here or subscriber.trigger.worker is not None:
                    self._fire(subscriber)

    def _fire(self, subscriber: Subscriber) -> None:
        if self._engine is None or subscriber.is_busy:
            subscriber.is_behind = True
            return
        trigger = subscriber.trigger
        data = self._input_for(self._engine, trigger.worker)
        subscriber.is_busy, subscriber.is_behind = True, False
        invocation_id = self._engine.invoker.new_id()
        call = Call(
            function_id=trigger.function_id,
            namespace=trigger.namespace,
            data=Payload.of_json(data),
            metadata=trigger.metadata,
            invocation_id=invocation_id,
            cause=trigger.cause,
        )
        self._engine.invoker.start(call, partial(self._done, subscriber, invocation_id))

    def _done(self, subscriber: Subscriber, invocation_id: str, outcome: Outcome) -> None:
        if isinstance(outcome, IiiError):
            extra = about(subscriber.trigger, invocation_id)
            logger.warning("Trigger %s: %s", subscriber.trigger.id, outcome.message, extra=extra)
        subscriber.is_busy = False
        is_there = self._subscribers.get(subscriber.trigger.key) is subscriber
        # Later, because a call that fails at once would call itself.
        if subscriber.is_behind and is_there:
            asyncio.get_running_loop().call_soon(self._fire, subscriber)

    def _input_for(self, engine: Engine, worker: WorkerConnection | None) -> bytes:
        """Return what a subscriber may see, as JSON; all who see everything share one text."""
        if self._rows is None:
            self._rows = list(function_rows(engine))
            self._whole = _input(self._rows)
        if worker is None or sees_everything(worker):
            return self._whole
        infos = (info_of(engine, row["namespace"], row["function_id"]) for row in self._rows)
        pairs = zip(self._rows, infos, strict=True)
        return _input([row for row, info in pairs if visible(worker, info)])

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _input(rows: list[Row]) -> bytes:
    return to_json({"event": "functions_changed", "functions": rows})
