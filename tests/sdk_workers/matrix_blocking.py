"""A worker of the matrix on PyPI iii-sdk 0.9.0 and newer: the blocking client.

What moved or went between these versions is found by looking for it. Arguments: the engine's URL
and the name of the worker.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from blocking_client import BlockingClient
from matrix_steering import MatrixSteering, find
from steering import Undo


class Client(BlockingClient):
    """The client of all these versions."""

    def register_function(self, function_id: str, handler: Any) -> Undo:
        """Offer a function; ids are positional from 0.10.0 on, when formats came."""
        first: Any = function_id if find("iii.format_utils:__name__") else {"id": function_id}
        unregister: Undo = self.iii.register_function(first, handler).unregister
        return unregister

    def create_stream(self, stream_name: str, store: Any) -> None:
        """Keep the items of a stream: a method until 0.17.0, a helper after."""
        if hasattr(self.iii, "create_stream"):
            self.iii.create_stream(stream_name, store)
        else:
            find("iii.helpers:create_stream")(self.iii, stream_name, store)

    def create_channel(self) -> Any:
        """Open a channel: a method until 0.17.0, a helper after."""
        if hasattr(self.iii, "create_channel"):
            return self.iii.create_channel()
        return find("iii.helpers:create_channel")(self.iii)

    def register_http_function(self, function_id: str, url: str) -> None:
        """Offer an HTTP-invoked function."""
        config = find("iii.iii_types:HttpInvocationConfig")(url=url)
        self.register_function(function_id, config)

    def list_functions(self) -> list[str]:
        """List functions: a method until 0.11.3, an engine function after."""
        if hasattr(self.iii, "list_functions"):
            return [one.function_id for one in self.iii.list_functions()]
        rows = self.call("engine::functions::list", {}, timeout_s=20)["functions"]
        return [row["function_id"] for row in rows]

    def list_workers(self) -> list[str | None]:
        """List workers: a method until 0.11.3, an engine function after."""
        if hasattr(self.iii, "list_workers"):
            return [one.name for one in self.iii.list_workers()]
        rows = self.call("engine::workers::list", {}, timeout_s=20)["workers"]
        return [row["name"] for row in rows]

    def list_triggers(self) -> list[list[str]]:
        """List triggers (0.9.0 to 0.11.3)."""
        return [[one.trigger_type, one.function_id] for one in self.iii.list_triggers()]

    def list_trigger_types(self) -> list[str]:
        """List trigger types (0.11.0 to 0.11.3)."""
        return [one.id for one in self.iii.list_trigger_types()]

    def watch_functions(self, heard: Callable[[list[str]], None]) -> None:
        """Hear when functions come and go (until 0.11.3)."""
        self.iii.on_functions_available(
            lambda functions: heard([one.function_id for one in functions])
        )


if __name__ == "__main__":
    MatrixSteering(Client(*sys.argv[1:])).run()
