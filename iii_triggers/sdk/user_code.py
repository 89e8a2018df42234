"""Running the code of users: coroutine functions on the loop, plain functions on threads."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# A plain handler keeps its thread while it waits for a call, so there must be more threads than
# handlers that run.
MIN_THREADS = 64


class UserCode:
    """Runs handlers and callbacks, plain ones on a bounded pool of threads."""

    def __init__(self, *, concurrency: int | None) -> None:
        threads = max(MIN_THREADS, 2 * (concurrency or 0))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="iii-handler")

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return what ``function`` returns, awaited if need be; context variables go along."""
        if _is_async(function):
            return await function(*args)
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self._pool, context.run, _plain, function, *args)
        return await result if inspect.isawaitable(result) else result

    def close(self) -> None:
        """Take no more work; what runs on a thread cannot be stopped and runs on."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - a callable object may be async inside
    )


def _plain(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except StopIteration as error:  # a future refuses it, and whoever waits would wait for ever
        raise RuntimeError("StopIteration") from error
