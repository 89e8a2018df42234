"""The one way from the event loop to the ORM."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from django.db import connections, reset_queries

T = TypeVar("T")

IDLE_S = 1.0
"""How long a connection may go unused before it is asked whether it still works."""


class DatabaseThread:
    """One thread for the engine's own bookkeeping: short, batched units of work, in order.

    It keeps its connection, whatever ``CONN_MAX_AGE`` says: opening one for each unit would take
    many times as long as the unit. One that broke is replaced before the next unit.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._used_at = 0.0

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run one unit of work, in the context of the caller, and return what it returns."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="iii-database")
        loop = asyncio.get_running_loop()
        unit = partial(copy_context().run, self._unit, work, *arguments)
        return await loop.run_in_executor(self._pool, unit)

    async def stop(self) -> None:
        """Close the connections of the thread and end it."""
        if self._pool is not None:
            await self.run(connections.close_all)
            self._pool.shutdown(wait=False)
            self._pool = None

    def _unit(self, work: Callable[..., T], *arguments: Any) -> T:
        close_broken(was_idle=time.monotonic() - self._used_at > IDLE_S)
        try:
            return work(*arguments)
        finally:
            # With DEBUG, Django keeps the text of every query until a request begins in the thread.
            reset_queries()
            self._used_at = time.monotonic()


def close_broken(*, was_idle: bool) -> None:
    """Close connections that do not work any more; Django opens new ones when they are needed.

    For threads that keep theirs, whatever ``CONN_MAX_AGE`` says: to open one costs more than most
    of what is done with it.
    """
    for connection in connections.all(initialized_only=True):
        if connection.connection is None:
            continue
        is_odd = connection.get_autocommit() != connection.settings_dict["AUTOCOMMIT"]
        is_suspect = connection.errors_occurred or was_idle
        if is_odd or (is_suspect and not connection.is_usable()):
            connection.close()
        connection.errors_occurred = False
