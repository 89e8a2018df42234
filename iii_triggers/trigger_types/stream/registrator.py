"""The ``stream`` trigger type: events of streams run functions, and reach clients.

Triggers of the site fire where the event was made, at once. Those of workers fire on the node of
the worker, and clients hear it on every node, both in the order of what happens in the group.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from iii_triggers.conf import settings
from iii_triggers.engine.functions import LocalFunction
from iii_triggers.engine.lanes import Firing, Lanes
from iii_triggers.engine.seen import Seen
from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.text import one_line
from iii_triggers.trigger_types.base import TriggerRegistrator

from .clients import Clients
from .config import CALL_SCHEMA, CONFIG_SCHEMA, StreamConfig, parse_config
from .events import Create, StreamEvent, StreamMessage, frame
from .feeds import Feeds
from .functions import functions_of
from .places import Place
from .sending import Sending
from .store import StreamStore

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine
    from iii_triggers.engine.trigger_values import Trigger, TriggerKey
    from iii_triggers.models import Trigger as TriggerRow

    from .client import StreamClient

logger = logging.getLogger(__name__)

RESTARTING = 1012
LEAVE_S = 1.0
"""How long the end of an engine waits for its clients to leave, before and after its calls end."""


class StreamTriggerType(TriggerRegistrator):
    """Runs functions for the events of a stream, in their order."""

    id = "stream"
    description = "Runs a function for every event of a stream: what is set, deleted or sent."
    config_schema = CONFIG_SCHEMA
    call_schema = CALL_SCHEMA

    engine: Engine
    sending: Sending
    store: StreamStore
    feeds: Feeds
    lanes: Lanes

    def __init__(self) -> None:
        self.clients = Clients()
        self._streams: dict[str, dict[TriggerKey, tuple[Trigger, StreamConfig]]] = {}
        self._stream_of: dict[TriggerKey, str] = {}
        self._seen = Seen()
        self._leaving: set[asyncio.Task[None]] = set()

    def bind(self, engine: Engine) -> None:
        """Keep items and run functions with ``engine``, and hear what happens on other nodes."""
        self.engine = engine
        self.sending = Sending(database=engine.database, tell=self.tell)
        self.store = StreamStore(engine=engine, tell=self.tell, sending=self.sending)
        self.feeds = Feeds(
            engine=engine, store=self.store, fire=self._fire_workers, wants=self._has_workers
        )
        self.lanes = Lanes(invoker=engine.invoker, limit=lambda: settings.III_STREAM_MAX_BACKLOG)
        engine.network.bus.on(StreamMessage, self._hear)
        engine.on_look.append(self.feeds.look)
        # Whatever a node told last is missed without a trace in what it tells next.
        engine.network.on_missed.append(self.feeds.look_soon)
        engine.network.on_node_gone.append(self.feeds.look_soon)

    def functions(self) -> Iterator[LocalFunction]:
        """Return ``stream::*``."""
        yield from functions_of(self)

    def validate_config(self, config: Any) -> None:
        """Raise InvalidConfig unless ``config`` names a stream and its filters are texts."""
        super().validate_config(config)
        parse_config(config)

    async def register_trigger(self, trigger: Trigger) -> None:
        """Fire the trigger from now on. Raise InvalidConfig."""
        self.validate_config(trigger.config)
        config = parse_config(trigger.config)
        await self.unregister_trigger(trigger)
        self._streams.setdefault(config.stream_name, {})[trigger.key] = (trigger, config)
        self._stream_of[trigger.key] = config.stream_name

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """Fire it no more."""
        stream_name = self._stream_of.pop(trigger.key, None)
        if stream_name is None:
            return
        del self._streams[stream_name][trigger.key]
        if not self._streams[stream_name]:
            del self._streams[stream_name]

    def sample_input(self, row: TriggerRow) -> Any:
        """Return the event of a new item that the trigger asks for. Raise InvalidConfig."""
        config = parse_config(row.config)
        place = Place(
            stream_name=config.stream_name,
            group_id=config.group_id or "group",
            item_id=config.item_id or "item",
        )
        return from_json(frame(place, Create(data=Raw(b"{}"))))

    def triggers_for(self, place: Place) -> list[tuple[Trigger, StreamConfig]]:
        """Return the triggers that fire for what happens at ``place``, oldest first."""
        known = self._streams.get(place.stream_name, {}).values()
        return [(trigger, config) for trigger, config in known if config.covers(place)]

    def tell(self, event: StreamEvent) -> None:
        """Tell clients and triggers, here and on other nodes; nobody waits."""
        place = event.place
        known = self.triggers_for(place)
        self._fire(event, [(t, config) for t, config in known if t.worker is None])
        self.feeds.take(event)
        message = StreamMessage(
            id=uuid.uuid4().hex,
            stream_name=place.stream_name,
            group_id=place.group_id,
            item_id=place.item_id,
            data=event.text,
            seq=event.seq,
        )
        self.engine.network.broadcast(message)

    async def send_clients_away(self) -> None:
        """Have all clients come back later, and let them leave."""
        for transport in list(self.clients.connected):
            transport.close(RESTARTING)
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                while self.clients.connected or self._leaving:
                    self.clients.changed.clear()
                    await self.clients.changed.wait()

    async def unbind(self) -> None:
        """Give up what has not fired."""
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=LEAVE_S)
        self.lanes.clear()
        await self.sending.finish()
        await self.feeds.close()

    def farewell(self, client: StreamClient, handling: asyncio.Task[None]) -> None:
        """Let a client leave whatever it joined, once what it asked for last is done."""
        client.detach()
        task = asyncio.get_running_loop().create_task(client.leave_after(handling))
        self._leaving.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        self.clients.changed.set()

    def _hear(self, message: StreamMessage) -> None:
        """Tell of what happened elsewhere; the site's triggers fired there."""
        if not self._seen.add(message.id):
            return
        place = Place(
            stream_name=message.stream_name, group_id=message.group_id, item_id=message.item_id
        )
        self.feeds.take(StreamEvent(place=place, text=message.data, seq=message.seq))

    def _has_workers(self, stream_name: str) -> bool:
        known = self._streams.get(stream_name, {}).values()
        return any(trigger.worker is not None for trigger, _ in known)

    def _fire_workers(self, event: StreamEvent) -> None:
        known = self.triggers_for(event.place)
        self._fire(event, [(t, config) for t, config in known if t.worker is not None])

    def _fire(self, event: StreamEvent, triggers: list[tuple[Trigger, StreamConfig]]) -> None:
        firings = [
            Firing(trigger=trigger, data=event.text, condition=config.condition)
            for trigger, config in triggers
        ]
        if not self.lanes.add(event.place.group, firings):
            logger.warning(
                "The triggers of the stream %s do not keep up: an event was dropped for them.",
                one_line(event.place.stream_name),
            )
