"""PyPI iii-sdk offers a function behind a URL, signed, calls it, and logs over OpenTelemetry.

Arguments: the engine's URL, the name of the worker and the URL. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import sys
from contextlib import suppress
from typing import Any

SPELLINGS = {
    "HttpInvocationConfig": ("iii_helpers.http", "iii.iii_types"),
    "Logger": ("iii_helpers.observability", "iii.helpers", "iii"),
}


def find(name: str) -> Any:
    """Return what a version calls by this name, wherever it is."""
    for module in SPELLINGS[name]:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise LookupError(name)


async def _await(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def main(url: str, name: str, target: str) -> None:
    """Run the scenario; clients before 0.9.0 have to be connected by hand."""
    import iii

    config = find("HttpInvocationConfig")(
        url=target, auth={"type": "hmac", "secret_key": "OUTBOUND_KEY"}, headers={"X-Own": "yes"}
    )
    options = iii.InitOptions(worker_name=name)
    start = getattr(iii, "register_worker", None) or iii.III
    client = start(url, options)
    if inspect.iscoroutinefunction(getattr(client, "connect", None)):
        await client.connect()
    function_id = f"{name}::outside"
    if hasattr(client, "register_http_function"):
        client.register_http_function(function_id, config)
    else:
        try:
            client.register_function(function_id, config)
        except (TypeError, AttributeError, ValueError):
            client.register_function({"id": function_id}, config)
    if hasattr(client, "list_functions"):
        # Old clients send what is registered behind the next call.
        await _await(client.list_functions())
    request = {"function_id": function_id, "payload": {"n": 1}}
    if hasattr(client, "call"):
        result = await _await(client.call(function_id, {"n": 1}))
    else:
        result = await _await(client.trigger(request))
    with suppress(LookupError, TypeError):
        find("Logger")(service_name="outbound").warn("a log of OpenTelemetry", {"k": 1})
    print(json.dumps({"result": result}), flush=True)
    sys.stdin.readline()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
