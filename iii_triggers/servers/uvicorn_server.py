"""uvicorn, serving several ports and draining before it closes anything."""

from __future__ import annotations

import asyncio
import socket
from types import FrameType

import uvicorn

from iii_triggers.engine.process import process_engine

from .plan import ServerPlan
from .signals import die_at_next_signal
from .stuck import leave_stuck_tasks
from .uvicorn_options import options


class DrainingServer(uvicorn.Server):
    """Announces when it listens; on SIGTERM lets the engine finish while sockets still live.

    uvicorn itself closes WebSockets first, which would stop the calls that run on workers.
    """

    def __init__(self, config: uvicorn.Config, *, plan: ServerPlan) -> None:
        super().__init__(config)
        self._plan = plan

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop. Does not remember the signal: uvicorn would raise it again at the end."""
        self.should_exit = True
        die_at_next_signal()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then begin."""
        await super().startup(sockets)
        if not self.should_exit:
            self._plan.begin()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, drain, then close what is left."""
        for server in self.servers:
            server.close()
        self._plan.celery.begin_stop()
        await process_engine.get().drain()
        await super().shutdown(sockets)
        await asyncio.to_thread(self._plan.celery.wait_stopped)
        leave_stuck_tasks(process_engine.get().invoker.stuck)


def serve(plan: ServerPlan) -> None:
    """Serve until SIGINT or SIGTERM. Raise OSError if a port is taken."""
    sockets = plan.bind()
    config = uvicorn.Config(
        plan.application,
        # Where its logs go is for LOGGING of the site to say.
        log_config=None,
        log_level="warning",
        access_log=False,
        **options(),
    )
    DrainingServer(config, plan=plan).run(sockets)
