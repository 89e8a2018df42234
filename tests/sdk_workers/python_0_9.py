"""A worker on PyPI iii-sdk 0.9.0: functions are registered by dict, lists are SDK methods.

Arguments: the engine's URL and the name of the worker.
"""

from __future__ import annotations

import sys
from typing import Any

from blocking_client import BlockingClient
from steering import Handler, Steering, Undo


class Client(BlockingClient):
    """The client of 0.9.0."""

    def register_function(self, function_id: str, handler: Handler) -> Undo:
        """Offer a function."""
        unregister: Undo = self.iii.register_function({"id": function_id}, handler).unregister
        return unregister

    def create_stream(self, stream_name: str, store: Any) -> None:
        """Keep the items of a stream."""
        self.iii.create_stream(stream_name, store)

    def list_functions(self) -> list[str]:
        """List functions with the SDK's own method."""
        return [function.function_id for function in self.iii.list_functions()]

    def list_workers(self) -> list[str | None]:
        """List workers with the SDK's own method."""
        return [worker.name for worker in self.iii.list_workers()]


class TriggerSteering(Steering):
    """Adds what only this version has: its own method to list triggers."""

    client: Client

    def do_list_triggers(self) -> list[list[str]]:
        """List type and function of the triggers the engine knows."""
        triggers = self.client.iii.list_triggers()
        return [[trigger.trigger_type, trigger.function_id] for trigger in triggers]


if __name__ == "__main__":
    TriggerSteering(Client(*sys.argv[1:])).run()
