"""Requests whose bodies and answers come in parts."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType

from iii_triggers.asgi import TriggerDispatcher

from .asgi import DEADLINE_S, Event
from .http import DOOR, nothing_behind


class Request:
    """A request under way: ``async with Request("POST", "/x") as request``."""

    def __init__(self, method: str, path: str, *, headers: dict[str, str] | None = None) -> None:
        self._scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
            "client": ["127.0.0.1", 5000],
            "server": list(DOOR),
        }
        self._inbound: asyncio.Queue[Event] = asyncio.Queue()
        self._outbound: asyncio.Queue[Event] = asyncio.Queue()
        self.reads = asyncio.Event()
        """Cleared: the client does not read what it is sent."""
        self.reads.set()
        self.task: asyncio.Future[None] = asyncio.Future()

    async def __aenter__(self) -> Request:
        application = TriggerDispatcher(nothing_behind, doors={DOOR[1]: "http"})
        self.task = asyncio.ensure_future(application(self._scope, self._inbound.get, self._take))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.reads.set()
        self.leave()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.task, DEADLINE_S)

    @property
    def unread(self) -> int:
        """How many parts of the body the application has not taken."""
        return self._inbound.qsize()

    def send(self, part: bytes = b"", *, more: bool = False) -> None:
        """Send a part of the body."""
        self._inbound.put_nowait({"type": "http.request", "body": part, "more_body": more})

    def leave(self) -> None:
        """Close the connection."""
        self._inbound.put_nowait({"type": "http.disconnect"})

    async def event(self) -> Event:
        """Return the next event of the application."""
        return await asyncio.wait_for(self._outbound.get(), DEADLINE_S)

    async def head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers."""
        start = await self.event()
        assert start["type"] == "http.response.start", start
        headers = {k.decode(): v.decode() for k, v in start["headers"]}
        return start["status"], headers

    async def chunk(self) -> bytes:
        """Return the next chunk of the body; b"" is the end."""
        event = await self.event()
        body: bytes = event["body"]
        assert event.get("more_body", False) == bool(body), event
        return body

    async def rest(self) -> bytes:
        """Return all of the body that is still to come."""
        parts = []
        while part := await self.chunk():
            parts.append(part)
        return b"".join(parts)

    async def _take(self, event: Event) -> None:
        await self.reads.wait()
        self._outbound.put_nowait(event)
