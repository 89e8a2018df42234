"""Sends workers away once they have finished: one of them, or all when this process stops."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from iii_triggers.conf import settings

from .connections import WorkerConnection
from .functions import FunctionTable, Key
from .mirror import Mirror

logger = logging.getLogger(__name__)

LOOK_S = 0.05
"""How often is looked whether a worker has finished: looking costs calls nothing."""
COVER_S = 0.2
"""How often is looked who can do what a worker does."""
GAP_S = 0.05
"""Pause between two workers that go, if the spread leaves time for it."""
RETURN_S = 3.0
"""How long a worker that went may take to offer its functions elsewhere."""


@dataclass(slots=True, kw_only=True)
class Drains:
    """Takes new calls from workers, waits for those they have, and closes their connections."""

    connections: Mapping[str, WorkerConnection]
    functions: FunctionTable
    mirror: Mirror
    send_away: Callable[[Iterable[str]], Awaitable[None]]
    """Closes connections by the ids of the workers."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, worker_ids: Iterable[str]) -> None:
        """Drain those workers that are connected here, each within the grace; do not wait."""
        for worker_id in worker_ids:
            connection = self.connections.get(worker_id)
            if connection is not None and not connection.draining:
                self._start(connection, _now() + settings.III_SHUTDOWN_GRACE_S)

    async def move(self, deadline: float) -> None:
        """Drain, one after the other, workers whose functions others offer as well.

        So replicas that are all connected here never go all at once. Waits for one that went to
        be back elsewhere, if there is an elsewhere. ``deadline`` is on the clock of the loop.
        """
        gap_s, went_at = self._gap_s(), -math.inf
        while (staying := self._staying()) and _now() < deadline:
            connection = next(filter(self._is_covered, staying), None)
            if connection is not None:
                self._start(connection, deadline)
                await asyncio.sleep(gap_s)
                continue
            if self._tasks:
                went_at = _now()
            elif not self._has_elsewhere() or _now() - went_at > RETURN_S:
                return
            await asyncio.sleep(COVER_S)

    async def finish(self, deadline: float) -> None:
        """Drain all workers that are left, spread over ``III_CLOSE_SPREAD_S``."""
        gap_s, next_at = self._gap_s(), _now()
        for connection in self._staying():
            self._start(connection, deadline)
            # By the clock: a thousand pauses, each a little too long, would be far too long.
            next_at += gap_s
            await asyncio.sleep(next_at - _now())
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Wait for nobody any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, connection: WorkerConnection, deadline: float) -> None:
        connection.draining = True
        self.mirror.worker_drains(connection)
        task = asyncio.get_running_loop().create_task(self._drain(connection, deadline))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, connection: WorkerConnection, deadline: float) -> None:
        # A hook at the end of each call would cost every call of every worker.
        while _is_busy(connection) and _now() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        if not connection.closed and connection.executing:
            count = len(connection.executing)
            logger.warning("Worker %s goes with %d calls unfinished.", connection.worker_id, count)
        await self.send_away([connection.worker_id])

    def _staying(self) -> list[WorkerConnection]:
        return [one for one in self.connections.values() if not one.draining]

    def _gap_s(self) -> float:
        return min(GAP_S, settings.III_CLOSE_SPREAD_S / max(1, len(self.connections)))

    def _has_elsewhere(self) -> bool:
        return any(not node.is_draining for node in self.functions.remote.nodes())

    def _is_covered(self, connection: WorkerConnection) -> bool:
        """Tell whether somebody else runs each function of a worker."""
        keys = ((connection.namespace, id_) for id_ in connection.function_ids)
        return all(self._is_offered_besides(key, connection) for key in keys)

    def _is_offered_besides(self, key: Key, connection: WorkerConnection) -> bool:
        here = (offer.connection for offer in self.functions.offers_of(key))
        return (
            self.functions.is_local(key)
            or any(one is not connection and not one.draining for one in here)
            or any(not o.node.is_draining for o in self.functions.remote.offers_of(key))
        )


def _is_busy(connection: WorkerConnection) -> bool:
    has_work = bool(connection.executing or connection.calling)
    return has_work and not connection.closed


def _now() -> float:
    return asyncio.get_running_loop().time()
