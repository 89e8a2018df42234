"""Brings the rows of this node up to date: what changed, or all that lives in memory again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .database import DatabaseThread
from .mirror import Mirror, write_batch

if TYPE_CHECKING:
    from .core import Engine


class MirrorWriter:
    """Writes what waits, one batch after the other."""

    def __init__(self, *, mirror: Mirror, database: DatabaseThread) -> None:
        self._mirror = mirror
        self._database = database
        self._writing = asyncio.Lock()

    async def write(self) -> None:
        """Write what waits; return when it is written. Raise DatabaseError; then it waits again."""
        async with self._writing:
            if not self._mirror.is_dirty:
                return
            batch = self._mirror.take()
            try:
                await self._database.run(write_batch, batch)
            except BaseException:
                self._mirror.put_back(batch)
                raise


def mirror_everything(engine: Engine) -> None:
    """Have all that lives in memory written again: another node swept the rows."""
    mirror = engine.mirror
    for connection in engine.connections.values():
        if connection.spoke:
            mirror.worker_connected(connection)
        if connection.draining:
            mirror.worker_drains(connection)
    for type_ in engine.triggers.types():
        mirror.trigger_type_added(type_)
    for offer in engine.functions.all_offers():
        mirror.function_offered(offer.info, offer.connection)
    for entry in engine.triggers.entries():
        mirror.trigger_changed(entry.trigger, entry)
    engine.history.show_again(engine.invoker.pending)
