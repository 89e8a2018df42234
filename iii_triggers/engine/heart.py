"""The heartbeat of this process, from a thread of its own.

Behind a long write in the thread of the database it would come late: a sign of death.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import connections

from .database import DatabaseThread
from .nodes import ThisNode

logger = logging.getLogger(__name__)


class Heart:
    """Beats, and renews what counts as lost when this process is."""

    def __init__(self, node: ThisNode) -> None:
        self.on_beat: list[Callable[[], object]] = []
        """Short units of database work that go with each beat, such as to renew leases."""
        self._node = node
        self._thread = DatabaseThread()

    async def beat(self) -> bool:
        """Say that this process lives; return False if its row was gone (``ThisNode.beat``)."""
        return await self._thread.run(self._beat)

    async def stop(self) -> None:
        """End the thread."""
        await self._thread.stop()

    def _beat(self) -> bool:
        try:
            was_there = self._node.beat()
            for work in self.on_beat:
                _do(work)
        finally:
            # Once in some seconds: not worth a connection of its own in between.
            connections.close_all()
        return was_there


def _do(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        # The next beat, which tries again, shall not be later for that.
        logger.exception("The engine could not renew what it holds.")
