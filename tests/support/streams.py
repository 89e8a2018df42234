"""Stream clients without a server."""

from __future__ import annotations

import asyncio
from typing import Any

from iii_triggers.consumers import StreamConsumer
from iii_triggers.consumers.stream import STREAM_PORT

from .asgi import DEADLINE_S, Event, Socket


class StreamSocket(Socket):
    """A client that connected, by default on the port for stream clients."""

    def __init__(
        self, *, on_stream_port: bool = True, subprotocols: tuple[str, ...] = (), **options: Any
    ) -> None:
        super().__init__(StreamConsumer(), on_worker_port=False, **options)
        self._scope["subprotocols"] = list(subprotocols)
        if on_stream_port:
            self._scope[STREAM_PORT] = True

    async def __aenter__(self) -> StreamSocket:
        await super().__aenter__()
        self.accepted = await self.event()
        assert self.accepted["type"] == "websocket.accept"
        return self

    def join(self, id_: str = "s", *, stream: str = "todos", group: str = "g", **more: Any) -> None:
        """Ask to join; do not wait."""
        self.send({"type": "join", "data": self._target(id_, stream, group, more)})

    def leave(self, id_: str = "s", *, stream: str = "todos", group: str = "g") -> None:
        """Ask to leave; do not wait."""
        self.send({"type": "leave", "data": self._target(id_, stream, group, {})})

    async def joined(self, id_: str = "s", **more: Any) -> Any:
        """Join and return the data of the sync."""
        self.join(id_, **more)
        frame = await self.frame()
        assert frame["event"]["type"] == "sync", frame
        return frame["event"]["data"]

    async def happened(self) -> tuple[str, Any]:
        """Return type and data of the next event."""
        event = (await self.frame())["event"]
        return event["type"], event.get("data", event.get("event"))

    async def silence(self) -> None:
        """See that everything so far is handled, and nothing was sent."""
        self.send({"type": "ping"})
        frame = await self.frame()
        assert frame == {"type": "pong"}, frame

    async def gone(self) -> None:
        """Close the connection and wait until the application is done with it."""
        self._inbound.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await asyncio.wait_for(asyncio.shield(self.task), DEADLINE_S)

    @staticmethod
    def _target(id_: str, stream: str, group: str, more: Event) -> Event:
        return {"subscriptionId": id_, "streamName": stream, "groupId": group, **more}
