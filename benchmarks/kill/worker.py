"""A worker on PyPI iii-sdk: ``python -m benchmarks.kill.worker URL FOLDER NAME NEWS FUNCTION...``.

Each function is an HTTP trigger too; what is published is written down.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from iii import InitOptions, register_worker  # type: ignore[import-not-found]  # of its venv

from benchmarks.kill.words import heard
from benchmarks.notes import note


def main(url: str, folder: str, name: str, news: str, *functions: str) -> None:
    """Serve until somebody kills this."""
    iii = register_worker(url, InitOptions(worker_name=name))

    def answer(data: dict[str, Any]) -> dict[str, Any]:
        time.sleep(data["body"]["pause_s"])
        return {"n": data["body"]["n"]}

    def hear(data: dict[str, Any]) -> None:
        note(folder, heard(name), data["n"])

    for function_id in functions:
        iii.register_function(function_id, answer)
        config = {"api_path": function_id.replace(".", "/"), "http_method": "POST"}
        iii.register_trigger({"type": "http", "function_id": function_id, "config": config})
    iii.register_function(f"heard.{name}", hear)
    subscription = {"type": "subscribe", "function_id": f"heard.{name}", "config": {"topic": news}}
    iii.register_trigger(subscription)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
