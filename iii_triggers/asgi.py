"""The ASGI doors: HTTP triggers before Django's request stack, sockets of workers and clients.

``TriggerDispatcher(get_asgi_application())`` is what a site's ``asgi.py`` serves.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Literal

from django.core.handlers.asgi import ASGIHandler

from iii_triggers.conf import settings
from iii_triggers.consumers import (
    ChannelConsumer,
    StreamConsumer,
    TelemetryConsumer,
    WorkerConsumer,
)
from iii_triggers.consumers.admission import LISTENER, WORKER_PORT
from iii_triggers.consumers.channels import PATH as CHANNELS_PATH
from iii_triggers.consumers.stream import STREAM_PORT
from iii_triggers.engine.access.listeners import Listener, listeners
from iii_triggers.engine.channels.errors import ChannelBroken
from iii_triggers.engine.core import Engine
from iii_triggers.engine.garbage import collect_seldom
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node
from iii_triggers.stopping import drain_first, stop_first
from iii_triggers.trigger_types.http import errors
from iii_triggers.trigger_types.http.dispatch import HttpDispatcher
from iii_triggers.trigger_types.http.incoming import ClientGone
from iii_triggers.trigger_types.http.registrator import HttpTriggerType
from iii_triggers.trigger_types.http.request import HttpRequest
from iii_triggers.trigger_types.http.response import ByteStream, HttpResponse

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]
Door = Literal["http", "worker", "stream"]

WORKER_PATH = "/iii/worker"
STREAM_PATHS = ("/iii/stream", "/iii/stream/")


class TriggerDispatcher:
    """Wraps the site's ASGI application.

    On the site's own port it answers the trigger routes below ``III_HTTP_PREFIX``, the worker
    sockets below ``/iii/worker`` and stream clients at ``/iii/stream/``; everything else falls
    through untouched. ``doors`` names ports that serve one thing only: ``{3111: "http", 3112:
    "stream", 49134: "worker"}``.
    """

    def __init__(
        self, application: Application, *, doors: Mapping[int, Door] | None = None
    ) -> None:
        self.application = application
        self.doors = dict(doors or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        kind = scope["type"]
        if kind in ("http", "websocket"):
            # Daphne knows no lifespan: there the first connection starts the engine.
            engine = process_engine.running_here() or await process_engine.start_here(
                kind=Node.Kind.ASGI, then=stop_first
            )
            if engine.draining:
                send = _saying_goodbye(send)
        if kind == "http":
            await self._http(engine, scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        elif kind == "lifespan":
            await _lifespan(receive, send)
        else:
            await self.application(scope, receive, send)

    def _door(self, scope: Scope) -> Door | None:
        server = scope.get("server")
        if not server:
            return None
        return self.doors.get(server[1]) or ("worker" if listeners.on_port(server[1]) else None)

    async def _http(self, engine: Engine, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._door(scope)
        prefix = "" if door == "http" else settings.III_HTTP_PREFIX
        raw_path = _raw_path(scope)
        if door in (None, "http") and raw_path.startswith(prefix.encode() + b"/"):
            request = _request(scope, raw_path[len(prefix) :])
            try:
                response = await _dispatcher(engine).answer(request, AsgiBody(receive))
            except ClientGone:
                return
            if response is not None:
                await _send_response(response, send)
                return
        if door is None:
            await self.application(scope, receive, send)
        else:
            await _send_response(errors.not_found(error_id=engine.invoker.new_id()), send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._door(scope)
        path = scope["path"]
        consumer: Application | None = None
        if door == "worker":
            scope = {**scope, WORKER_PORT: True, LISTENER: listeners.on_port(scope["server"][1])}
            consumer = _consumer(path)
        elif door == "stream" and path == "/":
            scope = {**scope, STREAM_PORT: True}
            consumer = StreamConsumer()
        elif door is None and path in STREAM_PATHS:
            consumer = StreamConsumer()
        elif door is None and _is_worker_path(path):
            listener, path = _split(path[len(WORKER_PATH) :])
            scope = {**scope, LISTENER: listener}
            consumer = _consumer(path)
        elif door is None and not isinstance(self.application, ASGIHandler):
            consumer = self.application
        await (consumer or _deny)(scope, receive, send)


def _dispatcher(engine: Engine) -> HttpDispatcher:
    http = engine.trigger_type(HttpTriggerType.id)
    assert isinstance(http, HttpTriggerType) and http.dispatcher is not None  # noqa: S101
    return http.dispatcher


class AsgiBody:
    """The body of a request, as the server receives it."""

    __slots__ = ("_receive",)

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def part(self) -> tuple[bytes, bool]:
        """Return the next bytes and whether more follow. Raise ClientGone if it ends early."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message.get("body", b""), message.get("more_body", False)

    async def gone(self) -> None:
        """Return when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _request(scope: Scope, raw_path: bytes) -> HttpRequest:
    client = scope.get("client")
    return HttpRequest(
        method=scope["method"],
        raw_path=raw_path,
        query_string=scope.get("query_string", b""),
        headers=list(scope["headers"]),
        client=client[0] if client else "",
    )


def _raw_path(scope: Scope) -> bytes:
    raw_path: bytes | None = scope.get("raw_path")
    if raw_path is None:
        return str(scope["path"]).encode()
    return raw_path.split(b"?", 1)[0]


async def _send_response(response: HttpResponse, send: Send) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": response.headers,
        }
    )
    if response.stream is None:
        await send({"type": "http.response.body", "body": response.body})
    else:
        await _send_stream(response.stream, send)


async def _send_stream(stream: ByteStream, send: Send) -> None:
    """Send chunks as they come; one that breaks off is not completed, so the client sees it."""
    try:
        while (chunk := await stream.next()) is not None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except ChannelBroken:
        logger.warning("A streamed response broke off: its writer went away.")
    finally:
        stream.close()


def _saying_goodbye(send: Send) -> Send:
    """Have each answer close its connection: the next request shall go to another process."""

    async def send_last(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            message = {**message, "headers": headers}
        await send(message)

    return send_last


async def _deny(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket that nobody serves; Django's own handler would raise."""
    await receive()
    await send({"type": "websocket.close"})


def _is_worker_path(path: str) -> bool:
    return path == WORKER_PATH or path.startswith(WORKER_PATH + "/")


def _split(path: str) -> tuple[Listener | None, str]:
    """Return the listener that the first part of a path names, if it does, and the rest."""
    name, slash, rest = path[1:].partition("/")
    listener = listeners.at_path(name)
    return (None, path) if listener is None else (listener, slash + rest)


def _consumer(path: str) -> Application | None:
    """Return what serves a path of the worker protocol (protocol reference, section 1.1)."""
    if path.startswith(CHANNELS_PATH):
        return ChannelConsumer()
    consumers: dict[str, Application] = {
        "": WorkerConsumer(),
        "/": WorkerConsumer(),
        "/otel": TelemetryConsumer(),
    }
    return consumers.get(path)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                await process_engine.start_here(kind=Node.Kind.ASGI, then=drain_first)
            except Exception as error:
                logger.exception("The engine could not start.")
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            collect_seldom()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await process_engine.get().stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
