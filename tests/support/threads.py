"""Several threads at the same time, each with a database connection of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection, connections

DEADLINE_S = 15

T = TypeVar("T")


def race(*works: Callable[[], Any]) -> list[Any]:
    """Do all works at the same time and return their results; raise what one of them raised."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            start.wait(DEADLINE_S)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
        return [future.result(DEADLINE_S) for future in futures]


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Do database work from an ``async def`` test; leaves no connection behind."""

    def run() -> T:
        try:
            return work(*arguments)
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


class Aside:
    """A thread of its own for one piece of database work, begun by ``start``."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def start(self, work: Callable[[], Any]) -> Future[Any]:
        """Begin; the result is in the future."""

        def run() -> Any:
            try:
                return work()
            finally:
                connections.close_all()

        return self._pool.submit(run)

    def close(self) -> None:
        """Wait for what was begun."""
        self._pool.shutdown()


def wait_until_blocked() -> None:
    """Wait until another transaction waits for this one; PostgreSQL only."""
    deadline = time.monotonic() + DEADLINE_S
    query = "SELECT 1 FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid))"
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            cursor.execute(query, cursor.fetchone())
            if cursor.fetchone():
                return
    raise AssertionError("Nobody waits for this transaction.")
