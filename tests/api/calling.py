"""How tests call the API, and what they look at in its answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from django.test import Client

from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

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


async def answered(worker: FakeWorker, request: Callable[[], Any], **answer: Any) -> Any:
    """Send a request and have the worker answer the call it makes; return input and answer."""
    number = len(worker.transport.of_type("invokefunction")) + 1
    task = asyncio.create_task(in_thread(request))
    invocation = (await worker.transport.receive("invokefunction", number))[-1]
    await worker.answer(invocation, **answer)
    return invocation["data"], await task
