"""What PyPI iii-sdk 0.9.0 and 0.25.0 have in common: the blocking client that takes dicts."""

from __future__ import annotations

from typing import Any

from iii import InitOptions, TriggerAction, register_worker
from provider import Provider
from steering import Handler, Undo


class BlockingClient:
    """The SDK behind the names of the steering."""

    def __init__(self, url: str, name: str) -> None:
        self.iii = register_worker(url, InitOptions(worker_name=name))

    def register_trigger(self, trigger_type: str, function_id: str, config: Any) -> Undo:
        """Bind a function."""
        trigger = {"type": trigger_type, "function_id": function_id, "config": config}
        unregister: Undo = self.iii.register_trigger(trigger).unregister
        return unregister

    def register_trigger_type(
        self, type_id: str, description: str, *, added: Handler, removed: Handler
    ) -> Undo:
        """Offer a trigger type."""
        kind = {"id": type_id, "description": description}
        self.iii.register_trigger_type(kind, Provider(added=added, removed=removed))
        return lambda: self.iii.unregister_trigger_type(kind)

    def call(self, function_id: str, data: Any, *, timeout_s: float) -> Any:
        """Call a function."""
        timeout_ms = int(timeout_s * 1000)
        request = {"function_id": function_id, "payload": data, "timeout_ms": timeout_ms}
        return self.iii.trigger(request)

    def call_void(self, function_id: str, data: Any) -> None:
        """Call a function without waiting."""
        request = {"function_id": function_id, "payload": data, "action": TriggerAction.Void()}
        self.iii.trigger(request)

    def enqueue(self, function_id: str, data: Any, queue: str) -> Any:
        """Queue a call."""
        action = TriggerAction.Enqueue(queue=queue)
        return self.iii.trigger({"function_id": function_id, "payload": data, "action": action})
