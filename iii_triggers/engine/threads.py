"""Threads for the site's plain functions.

Not asgiref's thread-sensitive thread: there is one of it, and a slow function would stop the
whole site.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import close_old_connections

from iii_triggers.conf import settings


class SiteThreads:
    """A bounded pool, made at first use, that leaves no stale database connection behind."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run ``function`` in a thread and return its result."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                max_workers=settings.III_SITE_THREADS, thread_name_prefix="iii-function"
            )
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._pool, context.run, with_fresh_connections, function, *arguments
        )

    def shutdown(self) -> None:
        """Let running functions end by themselves; take no more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def with_fresh_connections(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call ``function`` the way Django calls a view: stale connections closed before and after."""
    close_old_connections()
    try:
        return function(*arguments)
    finally:
        close_old_connections()
