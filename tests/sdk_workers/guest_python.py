"""A guest on PyPI iii-sdk 0.11.2 or newer: it says on stdout what became of its calls.

Arguments: the URL of the listener, "headers" or "query", and the token. It ends with stdin.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from iii import InitOptions, register_worker


def main(url: str, way: str, token: str) -> None:
    """Connect, offer two functions, call two."""
    address = f"{url}?token={token}" if way == "query" else url
    headers = {"x-test-token": token} if way == "headers" else None
    iii = register_worker(address, InitOptions(worker_name="guest", headers=headers))
    iii.register_function("echo", lambda data: {"echo": data["body"]["text"]})
    iii.register_function("secret", lambda data: {"leaked": True})
    for function_id in ("public::hello", "private::hello"):
        tell(function_id, call(iii, function_id))
    tell("READY", None)
    sys.stdin.read()


def call(iii: Any, function_id: str) -> Any:
    """Return the result of a call, or the text of its error."""
    try:
        return iii.trigger({"function_id": function_id, "payload": {"name": "Ada"}})
    except Exception as error:  # noqa: BLE001 - each SDK has errors of its own
        return str(error)


def tell(what: str, value: Any) -> None:
    """Write a line for the test."""
    print(json.dumps({"what": what, "value": value}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
