"""Sockets of channels, on an ASGI server of a kind."""

from __future__ import annotations

from typing import Any

from iii_triggers.asgi import TriggerDispatcher

from .asgi import Event, Socket

DOOR = ("engine", 49134)


async def nothing_behind(scope: Any, receive: Any, send: Any) -> None:
    """The site behind the worker port, which no connection reaches."""
    raise AssertionError(f"{scope['path']} fell through")


def end_of(ref: dict[str, str], *, extensions: dict[str, Any] | None = None) -> Socket:
    """Return a socket for the end of a channel that ``ref`` stands for."""
    query = f"key={ref['access_key']}&dir={ref['direction']}"
    return socket_to(f"/ws/channels/{ref['channel_id']}", query, extensions=extensions)


def socket_to(path: str, query: str, *, extensions: dict[str, Any] | None = None) -> Socket:
    """Return a socket for a path of the worker port."""
    application = TriggerDispatcher(nothing_behind, doors={DOOR[1]: "worker"})
    return Socket(
        application, path=path, query=query, server=DOOR, client="192.0.2.1", extensions=extensions
    )


async def accepted(socket: Socket) -> None:
    """See that the application accepts the connection."""
    assert (await socket.event())["type"] == "websocket.accept"


async def messages(socket: Socket) -> list[str | bytes]:
    """Return what is sent until the application closes."""
    found: list[str | bytes] = []
    while (event := await socket.event())["type"] == "websocket.send":
        found.append(event["text"] if event.get("text") is not None else event["bytes"])
    return found


def hang_up(socket: Socket, code: int = 1000) -> None:
    """Close from the side of the peer."""
    socket.tell({"type": "websocket.disconnect", "code": code})


def event_of(type_: str, **fields: Any) -> Event:
    """Return an event of the application, as it must look."""
    return {"type": type_, **fields}
