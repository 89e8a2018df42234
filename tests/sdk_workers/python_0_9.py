"""A worker on PyPI iii-sdk 0.9.0: functions are registered by dict, lists are SDK methods.

Arguments: the engine's URL and the name of the worker.
"""

from __future__ import annotations

import sys

from blocking_client import BlockingClient
from steering import Handler, Steering, Undo


class Client(BlockingClient):
    """The client of 0.9.0."""

    def register_function(self, function_id: str, handler: Handler) -> Undo:
        """Offer a function."""
        unregister: Undo = self.iii.register_function({"id": function_id}, handler).unregister
        return unregister

    def list_functions(self) -> list[str]:
        """List functions with the SDK's own method."""
        return [function.function_id for function in self.iii.list_functions()]


if __name__ == "__main__":
    Steering(Client(*sys.argv[1:])).run()
