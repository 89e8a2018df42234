"""The types ``stream:join`` and ``stream:leave`` (trigger reference, section 6.3).

Their functions are asked, and waited for, one after another. Each is asked once for a join or a
leave, whichever node has the client: triggers of workers of other nodes are found by their rows.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from iii_triggers.engine.calls import Call
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Trigger as TriggerRow
from iii_triggers.protocol.errors import IiiError
from iii_triggers.trigger_types.base import TriggerRegistrator

from .places import Place

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine
    from iii_triggers.engine.trigger_values import Trigger, TriggerKey

logger = logging.getLogger(__name__)

PAYLOAD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "subscription_id": {"type": "string", "examples": ["1"]},
        "stream_name": {"type": "string", "examples": ["todos"]},
        "group_id": {"type": "string", "examples": ["inbox"]},
        "id": {"type": ["string", "null"]},
        "context": {},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A function that is asked."""

    function_id: str
    namespace: str
    cause: Cause
    metadata: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A client that joins or leaves."""

    subscription_id: str
    place: Place
    context: Any

    def payload(self) -> dict[str, Any]:
        """Return what the functions get."""
        return {
            "subscription_id": self.subscription_id,
            "stream_name": self.place.stream_name,
            "group_id": self.place.group_id,
            "id": self.place.item_id,
            "context": self.context,
        }


class PresenceTriggerType(TriggerRegistrator):
    """What the two types have in common."""

    config_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "No config",
        "description": "Nothing of it is looked at.",
        "type": "object",
    }
    call_schema = PAYLOAD_SCHEMA

    def __init__(self) -> None:
        self._triggers: dict[TriggerKey, Trigger] = {}
        self._engine: Engine | None = None

    def bind(self, engine: Engine) -> None:
        """Ask functions through ``engine``."""
        self._engine = engine

    async def register_trigger(self, trigger: Trigger) -> None:
        """Ask the function of the trigger from now on. Raise InvalidConfig."""
        self.validate_config(trigger.config)
        self._triggers[trigger.key] = trigger

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Do not ask it any more."""
        self._triggers.pop(trigger.key, None)

    def triggers(self) -> list[Trigger]:
        """Return the triggers of this node, in the order of their registration."""
        return list(self._triggers.values())

    async def ask(self, presence: Presence) -> list[Payload | IiiError]:
        """Call every function, one after another, and return what came of each."""
        if self._engine is None:
            return []
        answers: list[Payload | IiiError] = []
        try:
            elsewhere = await self._elsewhere(self._engine)
        except DatabaseError:
            logger.exception("Stream listeners of other nodes could not be looked up.")
            elsewhere = []
            answers.append(IiiError("The listeners of other nodes are not known."))
        for listener in _distinct([*self._here(), *elsewhere]):
            answers.append(await _call(self._engine, listener, presence))
        return answers

    def _here(self) -> list[Listener]:
        return [
            Listener(
                function_id=t.function_id,
                namespace=t.namespace,
                cause=t.cause,
                metadata=t.metadata,
            )
            for t in self._triggers.values()
        ]

    async def _elsewhere(self, engine: Engine) -> list[Listener]:
        if not engine.network.bus.is_on:
            return []
        ids = (self.id, *self.aliases)
        return await engine.database.run(_triggers_elsewhere, engine.node.node_id, ids)


class StreamJoinTriggerType(PresenceTriggerType):
    """Asks functions whether a client may join."""

    id = "stream:join"
    aliases = ("streams:join",)
    description = "Runs when a client joins a stream; {unauthorized: true} refuses it."


class StreamLeaveTriggerType(PresenceTriggerType):
    """Tells functions that a client left."""

    id = "stream:leave"
    aliases = ("streams:leave",)
    description = "Runs when a client leaves a stream, or its connection ends."


async def _call(engine: Engine, listener: Listener, presence: Presence) -> Payload | IiiError:
    call = Call(
        function_id=listener.function_id,
        namespace=listener.namespace,
        data=Payload.of(presence.payload()),
        metadata=listener.metadata,
        cause=listener.cause,
    )
    try:
        return await engine.invoker.invoke(call)
    except IiiError as error:
        logger.warning("Stream listener %s failed: %s", listener.function_id, error.message)
        return error


def _triggers_elsewhere(node_id: str, type_ids: Collection[str]) -> list[Listener]:
    """Read the triggers that workers of other nodes registered."""
    rows = TriggerRow.objects.filter(
        source=TriggerRow.Source.WORKER,
        state=TriggerRow.State.ACTIVE,
        trigger_type__in=type_ids,
    ).exclude(worker__node_id=node_id)
    return [
        Listener(
            function_id=row.function_id,
            namespace=row.namespace,
            cause=Cause(trigger_type=row.trigger_type, trigger_id=row.trigger_id),
            metadata=row.metadata,
        )
        for row in rows.order_by("pk").defer("config")
    ]


def _distinct(listeners: Iterable[Listener]) -> list[Listener]:
    """Leave out what replicas of a worker registered again."""
    first: dict[tuple[str, str], Listener] = {}
    for listener in listeners:
        first.setdefault((listener.namespace, listener.function_id), listener)
    return list(first.values())
