"""The one way from the event loop to the ORM."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connections

from .threads import with_fresh_connections

T = TypeVar("T")


class DatabaseThread:
    """One thread for the engine's own bookkeeping: short, batched units of work, in order."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run one unit of work and return what it returns."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="iii-database")
        loop = asyncio.get_running_loop()
        result: T = await loop.run_in_executor(self._pool, with_fresh_connections, work, *arguments)
        return result

    async def stop(self) -> None:
        """Close the connections of the thread and end it."""
        if self._pool is not None:
            await self.run(connections.close_all)
            self._pool.shutdown(wait=False)
            self._pool = None
