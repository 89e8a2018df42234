"""Requests to the trigger port, and what their answers must look like."""

from __future__ import annotations

from typing import Any

from iii_triggers.asgi import TriggerDispatcher

from .asgi import Answer, Event, request

DOOR = ("engine", 3111)


async def nothing_behind(scope: Any, receive: Any, send: Any) -> None:
    """The site behind the trigger port, which no request reaches."""
    raise AssertionError(f"{scope['path']} fell through")


async def ask(method: str, path: str, **options: Any) -> Answer:
    """Send a request to the trigger port."""
    application = TriggerDispatcher(nothing_behind, doors={DOOR[1]: "http"})
    return await request(application, method, path, server=DOOR, **options)


def without_channels(data: dict[str, Any]) -> dict[str, Any]:
    """Return the input of a function without the refs of its two channels."""
    return {key: data[key] for key in data if key not in ("request_body", "response")}


def is_error(answer: Answer, status: int, code: str) -> bool:
    """Tell whether an answer is the engine's own error; it must have the promised shape."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "error_id"}
    assert error["error_id"]
    assert answer.header("content-type") == "application/json"
    return (answer.status, error["code"]) == (status, code)


def chunked(*parts: bytes) -> list[Event]:
    """Return the events of a body that comes in parts."""
    events: list[Event] = [{"type": "http.request", "body": p, "more_body": True} for p in parts]
    return [*events, {"type": "http.request", "body": b"", "more_body": False}]
