"""A worker on PyPI iii-sdk 0.0.2: the asyncio client with dotted ids.

Arguments: the engine's URL and the name of the worker.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from iii import III, InitOptions
from provider import Provider
from steering import Handler, Steering, Undo

T = TypeVar("T")


class Client:
    """The SDK on an event loop of its own, as one blocking client."""

    def __init__(self, url: str, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.iii = III(url, InitOptions(worker_name=name))
        self.wait_for(self.iii.connect)

    def wait_for(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run ``work`` on the loop and wait for it."""

        async def run() -> T:
            return await work(*args)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result()

    def on_loop(self, work: Callable[..., T], *args: Any) -> T:
        """Run a plain function on the loop: this version sends from the running loop only."""

        async def run() -> T:
            return work(*args)

        return self.wait_for(run)

    def register_function(self, function_id: str, handler: Handler) -> Undo:
        """Offer a function; handlers of this version are coroutines."""

        async def run(data: Any) -> Any:
            return await asyncio.to_thread(handler, data)

        self.on_loop(self.iii.register_function, function_id, run)
        return _cannot_unregister

    def register_trigger(self, trigger_type: str, function_id: str, config: Any) -> Undo:
        """Bind a function."""
        trigger = self.on_loop(self.iii.register_trigger, trigger_type, function_id, config)
        return lambda: self.on_loop(trigger.unregister)

    def register_trigger_type(
        self, type_id: str, description: str, *, added: Handler, removed: Handler
    ) -> Undo:
        """Offer a trigger type."""
        provider = Provider(added=added, removed=removed)
        self.on_loop(self.iii.register_trigger_type, type_id, description, provider)
        return lambda: self.on_loop(self.iii.unregister_trigger_type, type_id)

    def call(self, function_id: str, data: Any, *, timeout_s: float) -> Any:
        """Call a function."""
        return self.wait_for(self.iii.call, function_id, data, timeout_s)

    def call_void(self, function_id: str, data: Any) -> None:
        """Call a function without waiting."""
        self.on_loop(self.iii.call_void, function_id, data)

    def create_stream(self, stream_name: str, store: Any) -> None:
        """Keep the items of a stream."""
        self.on_loop(self.iii.create_stream, stream_name, store)

    def list_functions(self) -> list[str]:
        """List functions through ``engine.functions.list``."""
        return [function.function_id for function in self.wait_for(self.iii.list_functions)]

    def list_workers(self) -> list[str | None]:
        """List workers through ``engine.workers.list``."""
        return [worker.name for worker in self.wait_for(self.iii.list_workers)]


def _cannot_unregister() -> None:
    raise NotImplementedError("this version cannot withdraw a function")


if __name__ == "__main__":
    Steering(Client(*sys.argv[1:])).run()
