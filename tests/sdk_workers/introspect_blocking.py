"""PyPI iii-sdk 0.9.0 and later looks around, with its helpers or with the ids they stand for.

Arguments: the engine's URL and the name of the worker. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from iii import InitOptions, register_worker


class Observer:
    """One worker."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.iii: Any = register_worker(url, InitOptions(worker_name=name))

    def ask(self, function_id: str, data: Any) -> Any:
        """Call a function of the engine."""
        return self.iii.trigger({"function_id": function_id, "payload": data})

    def offer(self) -> None:
        """Register a function with a format of its time, and a trigger."""
        function = {"id": f"{self.name}.hello", "description": "Says hello.", "metadata": {"m": 1}}
        try:
            register = self.iii.register_function
            register(function, lambda data: "hello")
        except TypeError:
            register(f"{self.name}.hello", lambda data: "hello", description="Says hello.")
        config = {"api_path": f"{self.name}/hello", "http_method": "GET"}
        trigger = {"type": "http", "function_id": f"{self.name}.hello", "config": config}
        self.iii.register_trigger(trigger)

    def with_helpers(self) -> dict[str, Any]:
        """Ask with the methods of the client."""
        told: list[str] = []
        heard = threading.Event()

        def hear(functions: list[Any]) -> None:
            ids = [function.function_id for function in functions]
            if f"{self.name}.hello" in ids:
                told.extend(ids)
                heard.set()

        self.iii.on_functions_available(hear)
        self.iii.list_functions()
        self.offer()
        assert heard.wait(20), "nobody was told"
        report = {"told": told}
        for what in ("functions", "workers", "triggers", "trigger_types"):
            method = getattr(self.iii, f"list_{what}", None)
            if method is not None:
                report[what] = [one.model_dump(mode="json") for one in method()]
        return report

    def with_ids(self) -> dict[str, Any]:
        """Ask with the ids of the functions, as newer SDKs do."""
        self.offer()
        function_id = f"{self.name}.hello"
        durable = {
            "id": f"{self.name}.durable",
            "trigger_type": "http",
            "function_id": function_id,
            "config": {"api_path": f"{self.name}/durable", "http_method": "GET"},
        }
        made = self.ask("engine::register_trigger", durable)
        return {
            "functions": self.ask("engine::functions::list", {})["functions"],
            "function": self.ask("engine::functions::info", {"function_id": function_id}),
            "workers": self.ask("engine::workers::list", {})["workers"],
            "worker": self.ask("engine::workers::info", {"name": self.name}),
            "types": self.ask("engine::triggers::list", {})["triggers"],
            "type": self.ask("engine::triggers::info", {"id": "http"}),
            "triggers": self.ask("engine::registered-triggers::list", {})["registered_triggers"],
            "trigger": self.ask("engine::registered-triggers::info", made),
            "made": made,
        }


if __name__ == "__main__":
    observer = Observer(*sys.argv[1:])
    has_helpers = hasattr(observer.iii, "on_functions_available")
    found = observer.with_helpers() if has_helpers else observer.with_ids()
    print(json.dumps(found), flush=True)
    sys.stdin.read()
    observer.iii.shutdown()
