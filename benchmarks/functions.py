"""The in-process function of the measured site."""

from __future__ import annotations

from typing import Any

from iii_triggers import function, trigger


@function("bench.local", triggers=[trigger("http", api_path="local", http_method="POST")])
async def greet(data: dict[str, Any]) -> dict[str, str]:
    """Say hello."""
    return {"message": f"Hello, {data['name']}!"}
