"""A worker on PyPI iii-sdk 0.21.8, the first that says which worker it was when it comes back.

Arguments: the engine's URL and the name of the worker.
"""

from __future__ import annotations

import sys

from blocking_client import BlockingClient
from steering import Handler, Steering, Undo


class Client(BlockingClient):
    """The client since 0.21: function ids are positional, lists are engine functions."""

    def register_function(self, function_id: str, handler: Handler) -> Undo:
        """Offer a function."""
        unregister: Undo = self.iii.register_function(function_id, handler).unregister
        return unregister

    def list_functions(self) -> list[str]:
        """List functions; this version leaves that to an engine function."""
        result = self.call("engine::functions::list", {}, timeout_s=20)
        return [function["function_id"] for function in result["functions"]]

    def list_workers(self) -> list[str | None]:
        """List workers; an engine function too."""
        result = self.call("engine::workers::list", {}, timeout_s=20)
        return [worker["name"] for worker in result["workers"]]


if __name__ == "__main__":
    Steering(Client(*sys.argv[1:])).run()
