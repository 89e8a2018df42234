"""All that happens while processes die, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .requests import ANSWER_S, HttpLoad
from .streams import Follower

END_S = 20.0


class Load:
    """Requests and stream clients; the requests end first."""

    def __init__(self, http: HttpLoad, followers: list[Follower]) -> None:
        self.http = http
        self.followers = followers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Follow the streams until the block ends."""
        self._thread.start()
        following = asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(END_S)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(_end(following), self._loop).result(END_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    @contextmanager
    def requests(self) -> Iterator[None]:
        """Make requests until the block ends; all of them are answered then."""
        requests = asyncio.run_coroutine_threadsafe(self.http.run(), self._loop)
        try:
            yield
        finally:
            self.http.is_over = True
            requests.result(2 * ANSWER_S)

    async def _begin(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(follower.follow()) for follower in self.followers]


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
