"""Threads for the site's plain functions.

Not asgiref's thread-sensitive thread: there is one of it, and a slow function would stop the
whole site.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from django.db import close_old_connections

from iii_triggers.conf import settings

THREADS_PER_SLOT = 16
"""A thread that waits for a call of its own lends its slot; there must be threads to take it."""


class SiteThreads:
    """A bounded number of functions at a time, none of which leaves a stale database connection.

    All methods but ``lend`` belong on the event loop.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run ``function`` in a thread, as soon as a slot is free, and return its result."""
        self._loop = asyncio.get_running_loop()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                max_workers=settings.III_SITE_THREADS * THREADS_PER_SLOT,
                thread_name_prefix="iii-function",
            )
        await self._take()
        context = contextvars.copy_context()
        work = self._pool.submit(context.run, self._in_thread, function, *arguments)
        # The slot is the thread's: it stays taken when the caller has given up.
        work.add_done_callback(self._on_done)
        return await asyncio.wrap_future(work)

    @contextmanager
    def lend(self) -> Iterator[None]:
        """Give the slot of the calling thread to others while it waits for a call."""
        loop = self._loop
        if loop is None or getattr(_thread, "pool", None) is not self:
            yield
            return
        loop.call_soon_threadsafe(self._give_back)
        try:
            yield
        finally:
            # Without waiting for a slot: for a moment there may be one thread more.
            loop.call_soon_threadsafe(self._take_over)

    def shutdown(self) -> None:
        """Let running functions end by themselves; take no more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        _thread.pool = self
        try:
            return with_fresh_connections(function, *arguments)
        except StopIteration as error:
            # A future refuses it, and whoever waits would wait for ever.
            raise RuntimeError("StopIteration") from error

    async def _take(self) -> None:
        if self._taken < settings.III_SITE_THREADS:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            raise

    def _take_over(self) -> None:
        self._taken += 1

    def _on_done(self, work: Future[Any]) -> None:
        # A loop that is closed already has nobody who waits for a slot.
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._give_back)

    def _give_back(self) -> None:
        self._taken -= 1
        while self._waiting and self._taken < settings.III_SITE_THREADS:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)


_thread = threading.local()


def with_fresh_connections(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call ``function`` the way Django calls a view: stale connections closed before and after."""
    close_old_connections()
    try:
        return function(*arguments)
    finally:
        close_old_connections()
