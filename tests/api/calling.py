"""How tests call the API, and what they look at in its answers."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

API = "/iii/api/v1/"


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    """Send ``body`` as JSON (text and bytes as they are) to a path below the API."""
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    headers = {"content_type": "application/json"} if body is not None else {}
    return client.generic(method, API + path, b"" if body is None else content, **headers)


def problem(response: Any, status: int) -> dict[str, Any]:
    """Return the problem document of an answer that has to be one."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert {"type", "title", "detail", "code", "errors"} <= set(document)
    return document


def fields(document: dict[str, Any]) -> dict[str, str]:
    """Return the messages of a problem document by the field or parameter they are about."""
    return {
        error.get("field", error.get("parameter")): error["message"] for error in document["errors"]
    }
