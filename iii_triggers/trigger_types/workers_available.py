"""The trigger type ``engine::workers-available``: a worker came, went or said what it is.

Protocol reference, section 7.7. What happens on one node is told to the others; what a node that
vanished does not tell any more, they conclude. Connections that never send a message of the
protocol are nobody (section 1.7).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import DatabaseError

from iii_triggers.engine.bus_messages import Broadcast
from iii_triggers.engine.lanes import Firing, Lanes
from iii_triggers.engine.payload import Payload
from iii_triggers.engine.presence import CONNECTED, DISCONNECTED, UPDATED
from iii_triggers.engine.seen import Seen
from iii_triggers.models import Worker

from .base import TriggerRegistrator

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine
    from iii_triggers.engine.trigger_values import Trigger, TriggerKey

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
"""How many firings may wait for those before them that are about the same worker."""


class WorkerMessage(Broadcast, tag="iii.worker"):
    """What happened to a worker of a node, for the triggers of the workers of another."""

    event: str
    worker_id: str
    node_id: str


class WorkersAvailableTriggerType(TriggerRegistrator):
    """Runs a function when a worker came, went or introduced itself, on this node or another.

    Triggers of the site fire on the node where that happened, those of workers on every node.
    """

    id = "engine::workers-available"
    description = "Runs a function when a worker connected, introduced itself or disconnected."
    config_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workers available",
        "description": "There is nothing to configure.",
        "type": "object",
        "properties": {},
    }
    call_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workers available",
        "type": "object",
        "required": ["event", "worker_id"],
        "properties": {
            "event": {"enum": [CONNECTED, UPDATED, DISCONNECTED]},
            "worker_id": {"type": "string"},
        },
    }

    def __init__(self) -> None:
        self._triggers: dict[TriggerKey, Trigger] = {}
        self._engine: Engine | None = None
        self._lanes: Lanes | None = None
        self._gone = Seen()
        self._elsewhere: dict[str, set[str]] = {}
        """Ids of the workers of other nodes, by node id."""
        self._knows_elsewhere = False

    def bind(self, engine: Engine) -> None:
        """Watch the workers of this node, and hear of those of others."""
        self._engine = engine
        self._lanes = Lanes(invoker=engine.invoker, limit=lambda: MAX_WAITING)
        engine.presence.watchers.append(self._happened)
        engine.network.bus.on(WorkerMessage, self._hear)
        engine.network.on_node_gone.append(self._node_gone)

    async def unbind(self) -> None:
        """Fire nothing any more: every worker is about to go."""
        self._triggers.clear()
        if self._lanes is not None:
            self._lanes.clear()

    async def register_trigger(self, trigger: Trigger) -> None:
        """Fire the trigger from now on. Raise InvalidConfig."""
        self.validate_config(trigger.config)
        if trigger.worker is not None:
            await self._learn_elsewhere()
        self._triggers[trigger.key] = trigger

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Stop firing it."""
        self._triggers.pop(trigger.key, None)

    def triggers(self) -> list[Trigger]:
        """Return the triggers that fire."""
        return list(self._triggers.values())

    def _happened(self, event: str, connection: WorkerConnection) -> None:
        """Fire for a worker of this node, and tell the other nodes."""
        if self._engine is None:
            return
        self._fire(event, connection.worker_id, self._triggers.values())
        message = WorkerMessage(
            id=uuid.uuid4().hex,
            event=event,
            worker_id=connection.worker_id,
            node_id=self._engine.node.node_id,
        )
        self._engine.network.broadcast(message)

    def _hear(self, message: WorkerMessage) -> None:
        """Fire the triggers of the workers of this node for a worker of another."""
        workers = self._elsewhere.setdefault(message.node_id, set())
        if message.event == DISCONNECTED:
            workers.discard(message.worker_id)
            if not self._gone.add(message.worker_id):
                return
        else:
            workers.add(message.worker_id)
        self._fire(message.event, message.worker_id, self._owned())

    def _node_gone(self, node_id: str) -> None:
        """Conclude that the workers of a node are gone; one that left in order has none."""
        for worker_id in sorted(self._elsewhere.pop(node_id, ())):
            if self._gone.add(worker_id):
                self._fire(DISCONNECTED, worker_id, self._owned())

    async def _learn_elsewhere(self) -> None:
        """Read, once, which workers are connected elsewhere; from then on that is heard.

        While the database is away that waits for the next subscriber.
        """
        if self._knows_elsewhere or self._engine is None or not self._engine.is_running:
            return
        node_id = self._engine.node.node_id
        try:
            rows = await self._engine.database.run(_workers_elsewhere, node_id)
        except DatabaseError:
            logger.warning("The workers of other nodes are not known yet.", exc_info=True)
            return
        self._knows_elsewhere = True
        for other, worker_id in rows:
            if worker_id not in self._gone:
                self._elsewhere.setdefault(other, set()).add(worker_id)

    def _owned(self) -> list[Trigger]:
        return [trigger for trigger in self._triggers.values() if trigger.worker is not None]

    def _fire(self, event: str, worker_id: str, triggers: Iterable[Trigger]) -> None:
        if self._lanes is None or not self._triggers:
            return
        data = Payload.of({"event": event, "worker_id": worker_id}).json()
        for trigger in triggers:
            # A lane for each trigger: one that is slow holds up no other.
            if not self._lanes.add((trigger.key, worker_id), [Firing(trigger=trigger, data=data)]):
                logger.warning("Trigger %s missed an event: too many wait.", trigger.id)


def _workers_elsewhere(this_node: str) -> list[tuple[str, str]]:
    workers = Worker.objects.exclude(node_id=this_node)
    return list(workers.values_list("node_id", "worker_id"))
