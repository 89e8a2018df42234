"""PyPI iii-sdk offers a function, with the spans it makes by itself.

Arguments: the engine's URL and the name of the worker. Prints one line of JSON when it is there.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import iii


def main(url: str, name: str) -> None:
    """Offer ``<name>::work`` until the process is ended."""
    worker = iii.register_worker(url, iii.InitOptions(worker_name=name))
    function_id = f"{name}::work"

    def work(data: Any) -> dict[str, int]:
        return {"n": data["n"] + 1}

    worker.register_function(function_id, work)
    worker.trigger({"function_id": "engine::health::check", "payload": {}})
    sys.stdout.write(json.dumps({"ready": function_id}) + "\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
