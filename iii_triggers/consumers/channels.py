"""The sockets of channels (protocol reference, section 8): one message, one frame.

The key in the query is all a peer needs. A writer is read only while there is room for what it
sends, so a slow reader slows it down; a reader that goes away closes the socket of its writer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from channels.consumer import AsyncConsumer

from iii_triggers.conf import settings
from iii_triggers.engine.channels import Channel, Channels, Direction, Message
from iii_triggers.engine.channels.errors import (
    ChannelBroken,
    ChannelClosed,
    ChannelNotFound,
    ChannelTaken,
)
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node

from .sender import Send

logger = logging.getLogger(__name__)

PATH = "/ws/channels/"
DONE = 1000
BROKEN = 1011
TOO_BIG = 1009
PROPER_ENDS = frozenset({1000, 1001, 1005})
"""With 1005 too: uvicorn on its own reports it for a close frame without a code."""
PIECE_BYTES = 64 * 1024
"""SDKs cut binary into pieces of this size; readers of old ones take 1 MiB at most."""
CLOSE_TIMEOUT_S = 5.0

Receive = Callable[[], Awaitable[dict[str, Any]]]


class ChannelConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """Serves one end of a channel: ``/ws/channels/{id}?key=...&dir=read|write``.

    A bad query is answered with 400 and an unknown channel or a wrong key with 404, in place of
    the upgrade; a server without the extension for that (Daphne) answers 403. The second taker of
    an end is let in and closed at once.
    """

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()  # websocket.connect
        wanted = _wanted(scope)
        if wanted is None:
            await _refuse(scope, send, 400, "Bad Request: the query must have key and dir")
            return
        engine = await process_engine.start_here(kind=Node.Kind.ASGI)
        channel_id, key, direction = wanted
        try:
            channel = engine.channels.take(channel_id, key, direction)
        except ChannelNotFound as error:
            await _refuse(scope, send, 404, error.message)
        except ChannelTaken:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": DONE})
        else:
            await _serve(engine.channels, channel_id, channel, direction, receive, send)


async def _serve(
    channels: Channels,
    channel_id: str,
    channel: Channel,
    direction: Direction,
    receive: Receive,
    send: Send,
) -> None:
    try:
        await send({"type": "websocket.accept"})
        if direction == "write":
            await _serve_writer(channel, receive, send)
        else:
            await _serve_reader(channel, receive, send)
    finally:
        _end(channel, direction)
        channels.leave(channel_id)


def _end(channel: Channel, direction: Direction) -> None:
    """Tell the other side; harmless if this one had said that it is done."""
    if direction == "write":
        channel.break_off()
    else:
        channel.abandon()


async def _serve_writer(channel: Channel, receive: Receive, send: Send) -> None:
    reading = asyncio.create_task(_take_in(channel, receive))
    unread = asyncio.create_task(channel.wait_abandoned())
    try:
        await asyncio.wait({reading, unread}, return_when=asyncio.FIRST_COMPLETED)
        code = reading.result() if reading.done() else DONE
        if code is not None:
            await send({"type": "websocket.close", "code": code})
            await asyncio.wait({reading}, timeout=CLOSE_TIMEOUT_S)
    finally:
        reading.cancel()
        unread.cancel()


async def _take_in(channel: Channel, receive: Receive) -> int | None:
    """Write what the peer sends; return the code to close with, None if it has closed."""
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            if event.get("code", DONE) in PROPER_ENDS:
                channel.finish()
            return None
        message = _message(event)
        if len(message) > settings.III_MAX_CHANNEL_FRAME_BYTES:
            channel.break_off()
            return TOO_BIG
        try:
            await channel.put(message)
        except ChannelClosed:
            return DONE


async def _serve_reader(channel: Channel, receive: Receive, send: Send) -> None:
    sending = asyncio.create_task(_give_out(channel, send))
    leaving = asyncio.create_task(_wait_gone(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        code = sending.result() if sending.done() else None
        if code is not None:
            await send({"type": "websocket.close", "code": code})
    finally:
        sending.cancel()
        leaving.cancel()


async def _give_out(channel: Channel, send: Send) -> int | None:
    """Send what there is to read; return the code to close with, None if the peer is gone."""
    try:
        while (message := await channel.get()) is not None:
            await _send_message(message, send)
    except ChannelBroken:
        return BROKEN
    except Exception:
        # Each server has errors of its own for that.
        logger.debug("The reader of a channel went away.", exc_info=True)
        return None
    return DONE


async def _send_message(message: Message, send: Send) -> None:
    if isinstance(message, str):
        await send({"type": "websocket.send", "text": message})
        return
    for start in range(0, max(len(message), 1), PIECE_BYTES):
        piece = message[start : start + PIECE_BYTES] if len(message) > PIECE_BYTES else message
        await send({"type": "websocket.send", "bytes": piece})


async def _wait_gone(receive: Receive) -> None:
    """Return when the peer has closed; what a reader says is ignored."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


def _message(event: dict[str, Any]) -> Message:
    text: str | None = event.get("text")
    return text if text is not None else event.get("bytes") or b""


def _wanted(scope: dict[str, Any]) -> tuple[str, str, Direction] | None:
    """Return id, key and direction a URL asks for; None if the query is not what it must be."""
    channel_id = scope["path"].rsplit(PATH, 1)[-1]
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    key, direction = query.get("key", [""])[-1], query.get("dir", [""])[-1]
    if not key:
        return None
    if direction == "read":
        return channel_id, key, "read"
    return (channel_id, key, "write") if direction == "write" else None


async def _refuse(scope: dict[str, Any], send: Send, status: int, text: str) -> None:
    """Answer the upgrade with an HTTP error, on servers that can."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": text.encode()})
