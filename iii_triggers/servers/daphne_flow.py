"""Back-pressure for Daphne, which has none: what is slower than its peer would fill the memory.

Daphne reads a WebSocket into a queue without a limit, writes answers without looking whether the
client takes them, and puts a whole request body into a queue before the application runs.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable
from typing import IO, Any

from daphne.ws_protocol import WebSocketProtocol

PROTOCOL = "iii.protocol"
CONTENT = "iii.content"
"""Keys of the scope, for the wrapper only."""

MAX_WAITING = 16
"""Messages of one socket that may wait for the application."""
PART_BYTES = 64 * 1024

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class Outflow:
    """Knows whether a connection takes more; Twisted tells it (``IPushProducer``)."""

    def __init__(self) -> None:
        self._is_open = asyncio.Event()
        self._is_open.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Much waits to be written."""
        self._is_open.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """It was written."""
        self._is_open.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection is gone: nobody need wait for it."""
        self._is_open.set()

    async def wait(self) -> None:
        """Return when the connection takes more."""
        await self._is_open.wait()


class PacedProtocol(WebSocketProtocol):  # type: ignore[misc]  # Daphne has no types
    """A WebSocket that is read only as fast as its application takes messages."""

    outflow: Outflow | None = None
    is_paused = False

    def onOpen(self) -> None:  # noqa: N802 - Autobahn's name
        """Begin, and take the place of the HTTP connection that this was."""
        super().onOpen()
        self.outflow = Outflow()
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.outflow, True)  # noqa: FBT003 - Twisted's signature

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: FBT001, N802, N803
        """Take a message, and no more while many wait."""
        super().onMessage(payload, isBinary)
        if not self.is_paused and self.application_queue.qsize() >= MAX_WAITING:
            self.is_paused = True
            self.transport.pauseProducing()

    def message_taken(self) -> None:
        """Read on when the application has taken all."""
        if self.is_paused and self.application_queue.empty():
            self.is_paused = False
            self.transport.resumeProducing()

    def check_timeouts(self) -> None:
        """Ping, but not a peer whose answers are not read."""
        if self.is_paused:
            self.last_ping = time.time()
        super().check_timeouts()

    def onAutoPingTimeout(self) -> None:  # noqa: N802 - Autobahn's name
        """Drop a peer that does not answer, unless its answer is not read."""
        if not self.is_paused:
            super().onAutoPingTimeout()


def paced(application: Application) -> Application:
    """Return ``application`` for a server whose scopes have ``PROTOCOL`` and ``CONTENT``."""

    async def serve(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        protocol = scope.pop(PROTOCOL)
        if scope["type"] == "websocket":
            await application(scope, _taking(protocol, receive), _waiting(protocol, send))
            return
        with scope.pop(CONTENT) as content:
            exchange = _Exchange(protocol, content, receive, send)
            try:
                await application(scope, exchange.receive, exchange.send)
            finally:
                exchange.end()

    return serve


def open_scope(protocol: Any, scope: dict[str, Any]) -> dict[str, Any]:
    """Return a scope for ``paced``; the body is taken from Daphne, for it to be read in parts."""
    if scope["type"] == "http":
        scope = {**scope, CONTENT: protocol.content}
        protocol.content = io.BytesIO()
    return {**scope, PROTOCOL: protocol}


def _taking(protocol: PacedProtocol, receive: Receive) -> Receive:
    async def take() -> Event:
        event = await receive()
        protocol.message_taken()
        return event

    return take


def _waiting(protocol: PacedProtocol, send: Send) -> Send:
    async def wait(event: Event) -> None:
        await send(event)
        if protocol.outflow is not None:
            await protocol.outflow.wait()

    return wait


class _Exchange:
    """One request and its answer."""

    def __init__(self, protocol: Any, content: IO[bytes], receive: Receive, send: Send) -> None:
        self._protocol = protocol
        self._content = content
        self._receive = receive
        self._send = send
        self._has_body = True
        self._outflow: Outflow | None = None

    async def receive(self) -> Event:
        """Return the next part of the body, then what Daphne has to tell."""
        if self._has_body:
            part = self._content.read(PART_BYTES)
            self._has_body = len(part) == PART_BYTES
            if not self._has_body:
                await self._receive()  # the empty body that Daphne found
            return {"type": "http.request", "body": part, "more_body": self._has_body}
        return await self._receive()

    async def send(self, event: Event) -> None:
        """Send a part of the answer when the client has taken those before."""
        is_streamed = event.get("more_body", False)
        if not is_streamed:
            self._release()
        elif is_streamed and self._outflow is None and self._protocol.channel is not None:
            self._outflow = Outflow()
            self._protocol.registerProducer(self._outflow, True)  # noqa: FBT003
        await self._send(event)
        if self._outflow is not None:
            await self._outflow.wait()

    def end(self) -> None:
        """Close the connection if the answer has no proper end, for the client to see that."""
        if self._release():
            self._protocol.channel.loseConnection()

    def _release(self) -> bool:
        """Look no more at how fast the client is; tell whether that was done, and it is there."""
        outflow, self._outflow = self._outflow, None
        if outflow is None or self._protocol.channel is None:
            return False
        self._protocol.unregisterProducer()
        return True
