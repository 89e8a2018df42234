"""Daphne, serving several ports and draining before it stops."""

from __future__ import annotations

import asyncio
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server, twisted_loop
from twisted.internet import reactor

from iii_triggers.conf import settings
from iii_triggers.engine.garbage import collect_seldom
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node

from .daphne_flow import PacedProtocol, open_scope, paced
from .plan import ServerPlan
from .signals import STOP_SIGNALS, die_at_next_signal

NEVER_S = -1
NORMAL = 1000
CLOSE_TIMEOUT_S = 30
"""A slow reader must have read all that was sent before it can answer a close frame."""


class ClosingProtocol(PacedProtocol):
    """Closes with any code: Autobahn keeps those of servers (1009, 1012) from applications."""

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802 - Daphne's name
        """Send a close frame."""
        self.sendCloseFrame(code=code or NORMAL)


class DrainingServer(Server):  # type: ignore[misc]  # Daphne has no types
    """Stops like uvicorn does: no new connections, answers first, workers told to come back."""

    def __init__(self, plan: ServerPlan) -> None:
        endpoints = [
            description
            for listener in plan.listeners
            for description in build_endpoint_description_strings(
                plan.host_of(listener), listener.port
            )
        ]
        super().__init__(
            paced(plan.application),
            endpoints=endpoints,
            signal_handlers=False,
            # A normal close after a day, Daphne's default, would lose old Python SDKs for ever.
            websocket_timeout=NEVER_S,
            ping_interval=settings.III_PING_INTERVAL_S,
            ping_timeout=settings.III_PING_TIMEOUT_S,
            websocket_max_message_size=settings.III_MAX_FRAME_BYTES,
            websocket_max_frame_size=settings.III_MAX_FRAME_BYTES,
            verbosity=0,
        )
        self._plan = plan
        self._ports: list[Any] = []
        self._stopping: asyncio.Task[None] | None = None

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Start the application for a connection; return the queue of what it will receive."""
        return super().create_application(protocol, open_scope(protocol, scope))

    def listen_success(self, port: Any) -> None:
        """Remember an open port."""
        super().listen_success(port)
        self._ports.append(port)

    def on_running(self) -> None:
        """Take over from Daphne what it does otherwise, then say that all is ready."""
        self.ws_factory.protocol = ClosingProtocol
        # Say why (1009) instead of dropping the connection.
        self.ws_factory.setProtocolOptions(failByDrop=False, closeHandshakeTimeout=CLOSE_TIMEOUT_S)
        for number in STOP_SIGNALS:
            twisted_loop.add_signal_handler(number, self.request_stop)
        self._plan.begin()

    def request_stop(self) -> None:
        """Begin to stop; a second signal ends the process at once."""
        for number in STOP_SIGNALS:
            twisted_loop.remove_signal_handler(number)
        die_at_next_signal()
        self._stopping = twisted_loop.create_task(self._drain_and_stop())

    async def _drain_and_stop(self) -> None:
        for port in self._ports:
            port.stopListening()
        self._plan.celery.begin_stop()
        engine = process_engine.get()
        await engine.drain()
        await engine.stop()
        await asyncio.to_thread(self._plan.celery.wait_stopped)
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
    collect_seldom()
    server = DrainingServer(plan)
    reactor.callWhenRunning(server.on_running)
    server.run()
