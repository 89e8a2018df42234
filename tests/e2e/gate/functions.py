"""Who may come in through the listener, and what may be seen and called there."""

from __future__ import annotations

from typing import Any

from iii_triggers import function

Json = dict[str, Any]


@function("gate::auth")
async def auth(request: Json) -> Json:
    """Know guests by a header or by the query."""
    tokens = [request["headers"].get("x-test-token"), *request["query_params"].get("token", [])]
    if "valid-token" not in tokens:
        raise PermissionError("an unknown token")
    return {"function_registration_prefix": "guest", "context": {"tokens": tokens}}


@function("gate::register")
async def register(request: Json) -> Json | None:
    """Let functions be registered that are not secret."""
    return None if "secret" in request["function_id"] else {}


@function("public::hello")
async def hello(data: Json) -> Json:
    """Greet."""
    return {"hello": data["name"]}


@function("private::hello")
async def private(data: Json) -> Json:
    """Never reached from the listener."""
    return {"leaked": True}
