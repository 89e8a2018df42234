"""The other nodes as this one knows them: what they offer, how they are reached.

Without a channel layer that reaches other processes none of this runs.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress

from .broadcasts import Broadcasts
from .bus import Bus, LayerFactory
from .bus_messages import Broadcast, HelloMessage, WelcomeMessage
from .database import DatabaseThread
from .invocation import Invoker
from .nodes import ThisNode
from .remote_calls import RemoteCalls
from .remote_functions import RemoteFunctions, RemoteNode
from .remote_rows import read_channels, read_nodes
from .remote_triggers import RemoteTriggers
from .served_calls import ServedCalls
from .triggers import TriggerRegistry

logger = logging.getLogger(__name__)

MEET_S = 1.0
"""How long a node that is new waits for the others to know of it."""


class Network:
    """Keeps the table of remote functions in step with the database, and runs the bus."""

    def __init__(
        self,
        *,
        node: ThisNode,
        database: DatabaseThread,
        invoker: Invoker,
        triggers: TriggerRegistry,
        make_layer: LayerFactory,
    ) -> None:
        self.on_node_gone: list[Callable[[str], None]] = []
        """Told the id of a node that is gone, with all its workers."""
        self.bus = Bus(make_layer=make_layer, on_channel=self._write_channel)
        self._node = node
        self._database = database
        self._invoker = invoker
        self._triggers = RemoteTriggers(registry=triggers)
        self._calls = RemoteCalls(bus=self.bus, invoker=invoker)
        self._served = ServedCalls(bus=self.bus, invoker=invoker)
        self._broadcasts = Broadcasts(bus=self.bus, node_id=node.node_id, others=self.functions)
        self._calls.on_refused = lambda refuser: self._doubtful.add(refuser.node_id)
        self._doubtful: set[str] = set()
        """Ids of nodes that did not have what they offered; they may have it again."""
        self._unmet: set[str] = set()
        """Channels of nodes that have not said that they know of this one."""
        self._everybody_met = asyncio.Event()
        self._reloading = asyncio.Lock()
        """Two looks at once would leave what the older one saw, of what is gone by then."""
        self.bus.on(HelloMessage, self._on_hello)
        self.bus.on(WelcomeMessage, self._on_welcome)

    @property
    def functions(self) -> RemoteFunctions:
        """What workers of other nodes offer."""
        return self._invoker.functions.remote

    @property
    def missed(self) -> int:
        """How many messages that other nodes told all were lost for good."""
        return self._broadcasts.missed

    @property
    def on_missed(self) -> list[Callable[[str], None]]:
        """Told, on the loop, the id of a node of whose messages some were lost for good."""
        return self._broadcasts.on_missed

    async def start(self) -> None:
        """Take a channel and learn who else is there."""
        await self.bus.open()
        self._invoker.away = self._calls
        try:
            await self.reload(None)
            self._greet()
        except BaseException:
            await self.bus.close()
            raise

    async def stop(self) -> None:
        """Send what waits to be sent and leave the bus."""
        self._broadcasts.stop()
        await self.bus.close()

    def broadcast(self, message: Broadcast) -> None:
        """Send a message to every other node, without waiting; each gets it once, and in order."""
        self._broadcasts.tell(message)

    async def met(self) -> None:
        """Wait, for a moment, until all others know of this node: then no broadcast misses it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MEET_S):
                await self._everybody_met.wait()

    async def reload(self, node_ids: Collection[str] | None) -> None:
        """Read again what other nodes offer, and the triggers there; all of them without ids."""
        if not self.bus.is_on:
            return
        async with self._reloading:
            await self._reload(node_ids)

    async def _reload(self, node_ids: Collection[str] | None) -> None:
        triggers = self._triggers.wanted()
        rows = await self._database.run(read_nodes, self._node.node_id, node_ids, triggers)
        known = {node.node_id for node in self.functions.nodes()} | self._broadcasts.senders()
        asked = known if node_ids is None else known.intersection(node_ids)
        for row in rows:
            self.functions.replace(
                row.node_id,
                channel=row.channel,
                offers=row.offers,
                is_draining=row.is_draining,
            )
            await self._triggers.replace(row.node_id, row.triggers)
        for node_id in asked - {row.node_id for row in rows}:
            self._forget(node_id)
            await self._triggers.remove(node_id)

    async def check(self) -> None:
        """See that messages arrive, and whether a node came, went or has another channel."""
        if not self.bus.is_on:
            return
        self.bus.probe()
        self._broadcasts.remind()
        for node in self.functions.nodes():
            if node.is_silent and self._node.channel:
                self._say_hello(node)
        channels = await self._database.run(read_channels, self._node.node_id)
        known = {node.node_id: node.channel for node in self.functions.nodes()}
        changed = {id_ for id_, _ in channels.items() ^ known.items()} | self._doubtful
        # One that is gone may have been heard once more.
        changed |= self._broadcasts.senders() - channels.keys()
        if changed:
            self._doubtful = set()
            await self.reload(changed)
        async with self._reloading:
            await self._triggers.retry()

    def _greet(self) -> None:
        """Say hello, rather than be found at the next look at the database."""
        nodes = self.functions.nodes() if self._node.channel else []
        self._unmet = {node.channel for node in nodes}
        for node in nodes:
            self._say_hello(node)
        if nodes:
            self._everybody_met.clear()
            # One that is gone, or does not answer, is waited for once only.
            asyncio.get_running_loop().call_later(MEET_S, self._everybody_met.set)
        else:
            self._everybody_met.set()

    def _say_hello(self, node: RemoteNode) -> None:
        message = HelloMessage(
            id=uuid.uuid4().hex,
            node_id=self._node.node_id,
            reply_to=self._node.channel,
            number=self._broadcasts.number,
        )
        self.bus.send(node.channel, message)

    def _on_hello(self, message: HelloMessage) -> None:
        self.functions.meet(message.node_id, message.reply_to)
        self._broadcasts.meet(message.node_id, message.number)
        welcome = WelcomeMessage(
            id=message.id,
            channel=self._node.channel,
            node_id=self._node.node_id,
            number=self._broadcasts.number,
        )
        self.bus.send(message.reply_to, welcome)

    def _on_welcome(self, message: WelcomeMessage) -> None:
        self._broadcasts.meet(message.node_id, message.number)
        node = self.functions.node(message.node_id)
        if node is not None:
            node.is_silent = False
        self._unmet.discard(message.channel)
        if not self._unmet:
            self._everybody_met.set()

    def _forget(self, node_id: str) -> None:
        self._broadcasts.forget(node_id)
        node = self.functions.remove(node_id)
        if node is not None:
            self._calls.node_gone(node)
            self._served.caller_gone(node.channel)
            for watcher in self.on_node_gone:
                watcher(node_id)

    async def _write_channel(self, channel: str) -> None:
        self._node.channel = channel
        await self._database.run(self._node.write_channel)
        self._greet()
