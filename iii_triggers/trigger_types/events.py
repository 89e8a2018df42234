"""Trigger types that fire for what happened to something stored, once in the whole cluster.

Where it happened, the triggers of the site and those of the workers of this node fire; other nodes
are told, and fire those of their workers. Nobody waits: what happens to one thing is told in order,
trigger by trigger, beside what happens to others.
"""

from __future__ import annotations

import logging
import uuid
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iii_triggers.conf import settings
from iii_triggers.engine.bus_messages import Broadcast
from iii_triggers.engine.conditions import condition_in
from iii_triggers.engine.lanes import Firing, Lanes
from iii_triggers.engine.process import START_TIMEOUT_S, get_engine, run_sync
from iii_triggers.protocol.errors import InvalidConfig

from .base import TriggerRegistrator
from .filters import Facts, Filter, FilteredTriggers

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine
    from iii_triggers.engine.trigger_values import Trigger

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened."""

    facts: Facts
    """What triggers are matched by."""
    subject: Facts
    """What it happened to: events of one subject are told one after another."""
    data: bytes
    """The input of the functions, as JSON."""


class EventMessage(Broadcast):
    """An event for the triggers of the workers of another node; each type has its own ``tag``."""

    facts: Facts
    subject: Facts
    data: bytes


class EventTriggerType(TriggerRegistrator):
    """A type whose triggers filter events by their facts."""

    message_type: type[EventMessage]
    parse_error: str
    """How the message about a config of the wrong shape begins."""

    def __init__(self) -> None:
        self.triggers = FilteredTriggers()
        self._engine: Engine | None = None
        self._lanes: Lanes | None = None

    @abstractmethod
    def filters_of(self, config: Mapping[str, Any]) -> Iterable[Filter]:
        """Return what a config asks of the facts. Raise InvalidConfig, with ``field``."""

    def bind(self, engine: Engine) -> None:
        """Run functions with ``engine``, and hear what happens on other nodes."""
        self._engine = engine
        self._lanes = Lanes(invoker=engine.invoker, limit=lambda: settings.III_STATE_MAX_BACKLOG)
        engine.network.bus.on(self.message_type, self._hear)

    async def unbind(self) -> None:
        """Give up what has not fired."""
        if self._lanes is not None:
            self._lanes.clear()

    def validate_config(self, config: Any) -> None:
        """Raise InvalidConfig unless filters and condition have the right shape."""
        super().validate_config(config)
        self._parse(config)

    async def register_trigger(self, trigger: Trigger) -> None:
        """Fire the trigger from now on. Raise InvalidConfig."""
        self.validate_config(trigger.config)
        self.triggers.add(trigger, self._parse(trigger.config))

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Stop firing it, except for what waits already."""
        self.triggers.remove(trigger)

    def fire(self, event: Event) -> None:
        """Fire what matches, here and on other nodes, without waiting; on the engine's loop."""
        if self._engine is None:
            return
        self._fire(event, self.triggers.matching(event.facts))
        message = self.message_type(
            id=uuid.uuid4().hex, facts=event.facts, subject=event.subject, data=event.data
        )
        self._engine.network.broadcast(message)

    def _hear(self, message: EventMessage) -> None:
        """Fire the triggers of the workers of this node; the site's fired where it happened."""
        event = Event(facts=message.facts, subject=message.subject, data=message.data)
        owned = (t for t in self.triggers.matching(event.facts) if t.worker is not None)
        self._fire(event, owned)

    def _fire(self, event: Event, triggers: Iterable[Trigger]) -> None:
        firings = [
            Firing(trigger=t, data=event.data, condition=condition_in(t.config or {}))
            for t in triggers
        ]
        if self._lanes is not None and not self._lanes.add(event.subject, firings):
            logger.warning(
                "Triggers of type %s missed an event: too many wait for their function.", self.id
            )

    def _parse(self, config: Any) -> list[Filter]:
        config = config or {}
        try:
            condition_in(config)
            return list(self.filters_of(config))
        except InvalidConfig as error:
            message = f"{self.parse_error}: {error.message}"
            raise InvalidConfig(message, field=error.field) from error


def announce(type_id: str, event: Event) -> None:
    """Fire the triggers of an event that plain code caused, after its transaction.

    The engine of this process fires them; where none runs, it is started.
    """
    run_sync(_announce(type_id, event), timeout_s=START_TIMEOUT_S)


async def _announce(type_id: str, event: Event) -> None:
    registrator = get_engine().trigger_type(type_id)
    if isinstance(registrator, EventTriggerType):
        registrator.fire(event)


def text_in(config: Mapping[str, Any], key: str) -> str | None:
    """Return an optional text of a config. Raise InvalidConfig for anything else."""
    value = config.get(key)
    if value is None or isinstance(value, str):
        return value
    raise InvalidConfig(f"{key} must be a string", field=key)
