"""An ASGI server of a kind: it drives an application with a scope and events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from iii_triggers.consumers.admission import WORKER_PORT

DEADLINE_S = 5.0

Application = Callable[..., Awaitable[None]]
Event = dict[str, Any]
Headers = list[tuple[bytes, bytes]]


class Socket:
    """One WebSocket connection to an application: ``async with Socket(app) as socket``."""

    def __init__(
        self,
        application: Application,
        *,
        path: str = "/",
        headers: Headers | None = None,
        client: str | None = "127.0.0.1",
        server: tuple[str, int] | None = None,
        on_worker_port: bool = True,
        query: str = "",
        extensions: dict[str, Any] | None = None,
    ) -> None:
        self._application = application
        self._scope = {
            "type": "websocket",
            "path": path,
            "headers": headers or [],
            "client": [client, 5000] if client else None,
            "server": server,
            "query_string": query.encode(),
            **({"extensions": extensions} if extensions is not None else {}),
            **({WORKER_PORT: True} if on_worker_port else {}),
        }
        self._inbound: asyncio.Queue[Event] = asyncio.Queue()
        self._outbound: asyncio.Queue[Event] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.task: asyncio.Future[None] = asyncio.Future()

    async def __aenter__(self) -> Socket:
        self.task = asyncio.ensure_future(
            self._application(self._scope, self._inbound.get, self._take)
        )
        self._inbound.put_nowait({"type": "websocket.connect"})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.reads.set()
        self._inbound.put_nowait({"type": "websocket.disconnect", "code": 1006})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.task, DEADLINE_S)

    def send(self, frame: str | bytes | Event) -> None:
        """Send a frame: text, binary, or a message as JSON."""
        key = "bytes" if isinstance(frame, bytes) else "text"
        value = json.dumps(frame) if isinstance(frame, dict) else frame
        self._inbound.put_nowait({"type": "websocket.receive", key: value})

    def tell(self, event: Event) -> None:
        """Give the application an event of the server."""
        self._inbound.put_nowait(event)

    @property
    def unread(self) -> int:
        """How many events the application has not taken."""
        return self._inbound.qsize()

    async def event(self) -> Event:
        """Return the next event of the application."""
        return await asyncio.wait_for(self._outbound.get(), DEADLINE_S)

    async def frame(self) -> Event:
        """Return the next message of the application."""
        event = await self.event()
        assert event["type"] == "websocket.send", event
        frame: Event = json.loads(event["text"])
        return frame

    async def greeting(self) -> Event:
        """Return the first message of an accepted connection."""
        assert (await self.event())["type"] == "websocket.accept"
        return await self.frame()

    async def close_code(self) -> int:
        """Return the code the application closes with, whatever it sends before."""
        while (event := await self.event())["type"] != "websocket.close":
            pass
        code: int = event.get("code", 1000)
        return code

    async def pong(self) -> None:
        """See that the application has handled everything so far, and sent nothing."""
        self.send({"type": "ping"})
        assert await self.frame() == {"type": "pong"}

    def is_silent(self) -> bool:
        """Whether the application has sent nothing that was not taken."""
        return self._outbound.empty()

    async def _take(self, event: Event) -> None:
        await self.reads.wait()
        self._outbound.put_nowait(event)


@dataclass
class Answer:
    """What an application answered to a request."""

    status: int
    headers: Headers
    body: bytes
    events: list[Event] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """Return a header, the values of a repeated one joined."""
        values = [v.decode("latin-1") for k, v in self.headers if k.lower() == name.encode()]
        return ", ".join(values) if values else None

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


async def request(
    application: Application,
    method: str = "GET",
    path: str = "/",
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    chunks: list[Event] | None = None,
    server: tuple[str, int] | None = ("testserver", 80),
) -> Answer:
    """Send one request; ``path`` is raw and may carry a query. ``chunks`` are receive events."""
    raw, _, query = path.partition("?")
    lines = [(k.lower().encode(), v.encode("latin-1")) for k, v in (headers or {}).items()]
    if body and "content-length" not in dict(lines):
        lines.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": _unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"testserver"), *lines],
        "client": ["127.0.0.1", 5000],
        "server": list(server) if server else None,
        "root_path": "",
    }
    inbound = iter(chunks or [{"type": "http.request", "body": body, "more_body": False}])
    events: list[Event] = []

    async def receive() -> Event:
        event = next(inbound, None)
        if event is None:
            await asyncio.Event().wait()
        assert event is not None
        return event

    async def send(event: Event) -> None:
        events.append(event)

    await asyncio.wait_for(application(scope, receive, send), DEADLINE_S)
    starts = [event for event in events if event["type"] == "http.response.start"]
    if not starts:
        return Answer(0, [], b"", events)
    content = b"".join(event.get("body", b"") for event in events)
    return Answer(starts[0]["status"], list(starts[0]["headers"]), content, events)


def _unquote(raw: str) -> str:
    from urllib.parse import unquote

    return unquote(raw)
