"""A worker of the matrix on PyPI iii-sdk 0.0.2 to 0.8.3: the asyncio client.

Arguments: the engine's URL and the name of the worker.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import python_0_0_2
from matrix_steering import MatrixSteering, find
from steering import Handler, Undo


class Client(python_0_0_2.Client):
    """The client of 0.0.2, and what came until 0.8.3."""

    def register_function(self, function_id: str, handler: Handler) -> Undo:
        """Offer a function; from 0.2.1 on it can be withdrawn."""

        async def run(data: Any) -> Any:
            return await self.loop.run_in_executor(None, handler, data)

        reference = self.on_loop(self.iii.register_function, function_id, run)
        return lambda: self.on_loop(reference.unregister)

    def create_channel(self) -> Any:
        """Open a channel (0.4.0)."""
        return self.wait_for(self.iii.create_channel)

    def register_http_function(self, function_id: str, url: str) -> None:
        """Offer an HTTP-invoked function: a method of its own until 0.4.1."""
        config = find("iii.iii_types:HttpInvocationConfig")(url=url)
        own = getattr(self.iii, "register_http_function", self.iii.register_function)
        self.on_loop(own, function_id, config)

    def list_triggers(self) -> list[list[str]]:
        """Not there before 0.9.0."""
        raise NotImplementedError

    def list_trigger_types(self) -> list[str]:
        """Not there before 0.11.0."""
        raise NotImplementedError

    def watch_functions(self, heard: Callable[[list[str]], None]) -> None:
        """Hear when functions come and go."""
        self.on_loop(
            self.iii.on_functions_available,
            lambda functions: heard([one.function_id for one in functions]),
        )


if __name__ == "__main__":
    MatrixSteering(Client(*sys.argv[1:])).run()
