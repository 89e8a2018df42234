"""The engine: the running registry and invoker of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

from iii_triggers.conf import settings
from iii_triggers.context import this_process
from iii_triggers.models import Node
from iii_triggers.protocol.errors import EngineNotRunning
from iii_triggers.protocol.messages import WorkerRegistered

from . import shutdown
from .access.sessions import OPEN, Session
from .access.token_watch import TokenWatch
from .bus import LayerFactory, site_layer
from .calls import Call
from .channels import Channels
from .connections import Transport, WorkerConnection
from .database import DatabaseThread
from .declarations import SiteFunctions, site_functions
from .draining import Drains
from .firing import fire
from .frames import FrameHandler
from .functions import FunctionTable, LocalFunction
from .heart import Heart
from .history import History
from .invocation import Invoker
from .loop_lag import INTERVAL_S as LAG_INTERVAL_S
from .loop_lag import LoopLag
from .loops import Loops
from .measures import keep_measures
from .mirror import Mirror
from .mirror_writer import MirrorWriter, mirror_everything
from .network import Network
from .nodes import ThisNode
from .nudges import Nudges
from .payload import Payload
from .presence import Presence
from .registrar import built_in, load_registrators
from .sync import Sync, prepare_rows
from .telemetry import Telemetry
from .tracing import find_tracer
from .triggers import TriggerRegistry
from .verdicts import Verdicts

if TYPE_CHECKING:
    from iii_triggers.trigger_types.base import TriggerRegistrator

CHANNEL_SWEEP_INTERVAL_S = 60.0
PRUNE_INTERVAL_S = 60.0
BUILTINS = "iii_triggers.builtins.builtin_functions"
SITE_FIRED_TYPE = "iii_triggers.trigger_types.site_fired.SiteFiredTriggerType"
WORKER_OWNED_TYPE = "iii_triggers.trigger_types.worker_owned.WorkerOwnedTriggerType"


class Engine:
    """Tables in memory and the loops that keep them in step with the database.

    An engine belongs to the event loop it was started on; its methods are called there.
    """

    def __init__(
        self,
        *,
        kind: str = Node.Kind.OTHER,
        site: SiteFunctions = site_functions,
        make_layer: LayerFactory = site_layer,
    ) -> None:
        self.site = site
        self.node = ThisNode(kind=kind)
        self.database = DatabaseThread()
        self.heart = Heart(self.node)
        self.mirror = Mirror(node_id=self.node.node_id)
        self.writer = MirrorWriter(mirror=self.mirror, database=self.database)
        self.presence = Presence(self.mirror)
        self.functions = FunctionTable()
        self.triggers = TriggerRegistry(
            on_change=self.mirror.trigger_changed,
            on_type_added=self.mirror.trigger_type_added,
            on_type_removed=self.mirror.trigger_type_removed,
        )
        self.invoker = Invoker(self.functions)
        self.history = History(node_id=self.node.node_id, new_id=self.invoker.new_id)
        self.invoker.history = self.history
        self.network = Network(
            node=self.node,
            database=self.database,
            invoker=self.invoker,
            triggers=self.triggers,
            make_layer=make_layer,
        )
        self.nudges = Nudges(self.network)
        self.verdicts = Verdicts(self.triggers, self.network)
        self.tokens = TokenWatch(self.database)
        self.connections: dict[str, WorkerConnection] = {}
        self.drains = Drains(
            connections=self.connections,
            functions=self.functions,
            mirror=self.mirror,
            send_away=self.send_away,
        )
        self.sync = Sync(
            database=self.database,
            triggers=self.triggers,
            site_fired_type=lambda schema: import_string(SITE_FIRED_TYPE)(schema),
            on_offers=self.network.reload,
            on_tokens=self.tokens.check,
            on_workers=self.send_away,
            on_stored=self.mirror.trigger_is_stored,
            on_drains=self.drains.begin,
        )
        self.frames = FrameHandler(self)
        self.channels = Channels()
        self.telemetry = Telemetry()
        self.loop_lag = LoopLag()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.draining = False
        self.loops = Loops()
        self.on_look: list[Callable[[], object]] = []
        """Units of database work that are done about as often as the heart beats."""
        self.types: dict[str, TriggerRegistrator] = {}
        """The built-in trigger types by their ids."""

    @property
    def is_running(self) -> bool:
        """Whether the engine was started and not stopped."""
        return self.loop is not None

    async def start(self) -> None:
        """Load what the site declares and the database holds, then keep in step with it."""
        self.site.discover()
        self.invoker.tracer = find_tracer()
        this_process.node_id = self.node.node_id
        self.types = {one.id: one for one in load_registrators(settings.III_TRIGGER_TYPES)}
        self.mirror.followed_types = frozenset(_followed(self.types.values()))
        await self.database.run(self.node.join)
        await self.database.run(prepare_rows, self.site, list(self.types.values()))
        self._add_functions([*import_string(BUILTINS)(self), *self.site.functions()])
        for type_ in self.types.values():
            type_.bind(self)
            self._add_functions(type_.functions())
            await self.triggers.register_type(built_in(type_))
        await self.sync.load()
        await self.network.start()
        self.mirror.announces_offers = self.network.bus.is_on
        self.loop = asyncio.get_running_loop()
        self.nudges.start()
        self._start_loops()

    async def drain(self) -> None:
        """Take no new workers, finish what is in flight, and send the workers elsewhere.

        What is asked for meanwhile runs as long as there is a worker for it. Takes the grace, the
        spread of the closes and what triggers need to let go at most.
        """
        self.draining = True
        await shutdown.drain(self)

    async def stop(self) -> None:
        """Drain, tell workers to come back, leave no rows behind; stopping twice is harmless."""
        if not self.is_running:
            return
        if not self.draining:
            await self.drain()
        await shutdown.stop(self)

    def connect(
        self, transport: Transport, *, ip: str, session: Session = OPEN
    ) -> WorkerConnection:
        """Take a new worker socket in, and greet it (protocol reference, section 1.3)."""
        if not self.is_running or self.draining:
            raise EngineNotRunning("The engine is not taking workers.")
        connection = WorkerConnection(transport=transport, ip=ip, session=session)
        connection.gate.leads_to(partial(self.frames.act, connection))
        self.connections[connection.worker_id] = connection
        connection.send(
            WorkerRegistered(
                worker_id=connection.worker_id, reattach_token=connection.reattach_token
            )
        )
        return connection

    async def disconnect(self, connection: WorkerConnection) -> None:
        """Undo all a worker did, once (protocol reference, section 6.4)."""
        if self.connections.pop(connection.worker_id, None) is None:
            return
        connection.closed = True
        connection.gate.close()
        for function_id in list(connection.function_ids):
            self.functions.withdraw(connection.namespace, function_id, connection)
        self.invoker.connection_closed(connection)
        await self.triggers.drop_worker(connection)
        self.presence.left(connection)

    async def send_away(self, worker_ids: Iterable[str]) -> None:
        """End the connections of those workers that are connected here; they may come back.

        Also of one that is too stuck to take the close.
        """
        for worker_id in list(worker_ids):
            connection = self.connections.get(worker_id)
            if connection is not None:
                connection.close()
                await self.disconnect(connection)

    def trigger_type(self, type_id: str) -> TriggerRegistrator | None:
        """Return the built-in trigger type with this id."""
        return self.types.get(type_id)

    def worker_owned_type(self, connection: WorkerConnection) -> TriggerRegistrator:
        """Return a registrator that forwards to the worker."""
        registrator: TriggerRegistrator = import_string(WORKER_OWNED_TYPE)(connection)
        return registrator

    async def write_registrations(self) -> None:
        """Write what workers registered so far, so that what is published next finds it."""
        await self.writer.write()

    async def refresh(self) -> None:
        """See what other processes changed, now."""
        await self.sync.refresh()

    async def invoke_fresh(self, call: Call) -> Payload:
        """Invoke a function; one that is not known is looked for in the database's newest state.

        Raises what ``Invoker.invoke`` raises.
        """
        # Looking first: a call that finds nothing is a run that failed.
        if self.functions.find(call.namespace, call.function_id) is None:
            await self.refresh()
        return await self.invoker.invoke(call)

    def fire_triggers(self, type_id: str, payload: Any, *, namespace: str = "default") -> int:
        """Invoke the functions of all live triggers of a type; return how many there are.

        Nobody waits for the outcomes; a failure is logged.
        """
        triggers = self.triggers.active(type_id, namespace)
        fire(self.invoker, triggers, payload)
        return len(triggers)

    def _add_functions(self, functions: Iterable[LocalFunction]) -> None:
        for function in functions:
            self.functions.add_local(function)

    def _start_loops(self) -> None:
        repeat, beats = self.loops.repeat, lambda: settings.III_HEARTBEAT_INTERVAL_S
        looks, writes = lambda: settings.III_SYNC_INTERVAL_S, lambda: settings.III_WRITE_INTERVAL_S
        repeat("look for changes", self.sync.refresh, looks, pause=self.nudges.wait)
        repeat("write registrations", self.writer.write, writes)
        repeat("write the history", self._record, lambda: settings.III_HISTORY_INTERVAL_S)
        repeat("prune the history", self.history.prune, lambda: PRUNE_INTERVAL_S)
        repeat("beat", self._beat, beats)
        repeat("look around", self._look, beats)
        repeat("measure the loop", self.loop_lag.measure, lambda: LAG_INTERVAL_S)
        repeat("sweep channels", self.channels.sweep, lambda: CHANNEL_SWEEP_INTERVAL_S)

    async def _record(self) -> None:
        self.history.show_slow(self.invoker.pending)
        await self.history.flush()

    async def _beat(self) -> None:
        self.node.runs_dropped = self.history.dropped
        if not await self.heart.beat():
            mirror_everything(self)

    async def _look(self) -> None:
        await keep_measures(self.database, list(self.connections.values()))
        for work in self.on_look:
            await self.database.run(work)
        await self.network.check()
        await self.tokens.check()


def _followed(types: Iterable[TriggerRegistrator]) -> Iterator[str]:
    """Return the ids of the types that bring other rows in step with those of triggers."""
    for type_ in types:
        if type_.follows_rows:
            yield type_.id
            yield from type_.aliases
