"""Daphne, serving several ports and draining before it stops."""

from __future__ import annotations

import asyncio
import signal

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server, twisted_loop
from twisted.internet import reactor

from iii_triggers.conf import settings
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node

from .plan import ServerPlan

NEVER_S = -1


class DrainingServer(Server):  # type: ignore[misc]  # Daphne has no types
    """Stops like uvicorn does: no new connections, answers first, workers told to come back."""

    def __init__(self, plan: ServerPlan) -> None:
        endpoints = [
            description
            for listener in plan.listeners
            for description in build_endpoint_description_strings(plan.host, listener.port)
        ]
        super().__init__(
            plan.application,
            endpoints=endpoints,
            signal_handlers=False,
            # A normal close after a day, Daphne's default, would lose old Python SDKs for ever.
            websocket_timeout=NEVER_S,
            websocket_max_message_size=settings.III_MAX_FRAME_BYTES,
            websocket_max_frame_size=settings.III_MAX_FRAME_BYTES,
            verbosity=0,
            ready_callable=plan.announce_ready,
        )
        self._stopping: asyncio.Task[None] | None = None

    def request_stop(self) -> None:
        """Begin to stop; a second request stops at once."""
        if self._stopping is None:
            self._stopping = twisted_loop.create_task(self._drain_and_stop())
        else:
            self.stop()

    async def _drain_and_stop(self) -> None:
        for listener in self.listeners:
            listener.addCallback(lambda port: port.stopListening())
        engine = process_engine.get()
        await engine.drain()
        await engine.stop()
        await self._wait_for_connections()
        self.stop()

    async def _wait_for_connections(self) -> None:
        """Let answers and close frames go out; idle keep-alive connections do not count."""
        deadline = twisted_loop.time() + 1
        # Daphne signals nothing when an application ends, so there is only looking.
        while self._has_work() and twisted_loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def _has_work(self) -> bool:
        instances = (details.get("application_instance") for details in self.connections.values())
        return any(instance is not None and not instance.done() for instance in instances)


def serve(plan: ServerPlan) -> None:
    """Serve until SIGINT or SIGTERM. Raise OSError if a port is taken."""
    # Daphne only logs a port that is taken, so look first.
    for probe in plan.bind():
        probe.close()
    asyncio.set_event_loop(twisted_loop)
    twisted_loop.run_until_complete(process_engine.start_here(kind=Node.Kind.ENGINE))
    server = DrainingServer(plan)
    for number in (signal.SIGINT, signal.SIGTERM):
        reactor.callWhenRunning(_handle, number, server)
    server.run()


def _handle(number: signal.Signals, server: DrainingServer) -> None:
    twisted_loop.add_signal_handler(number, server.request_stop)
