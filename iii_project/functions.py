"""The functions and triggers of the product's document, as functions of this site."""

from __future__ import annotations

from typing import Any

from iii_triggers import function, trigger

Json = dict[str, Any]


@function("greet", triggers=[trigger("http", api_path="greet", http_method="POST")])
async def greet(data: Json) -> Json:
    """Say hello."""
    return {"message": f"Hello, {data['name']}!"}
