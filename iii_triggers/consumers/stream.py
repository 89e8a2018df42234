"""The socket of stream clients: decode, hand to the stream, encode (trigger reference, 6.2)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from channels.consumer import AsyncConsumer
from django.conf import settings as django_settings

from iii_triggers.conf import settings
from iii_triggers.engine.core import Engine
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node
from iii_triggers.protocol.close_codes import RESTARTING, TOO_BIG, UNAUTHORIZED
from iii_triggers.protocol.errors import (
    AuthenticationFailed,
    EngineNotRunning,
    IiiError,
    LimitExceeded,
    MalformedFrame,
)
from iii_triggers.protocol.text import one_line
from iii_triggers.trigger_types.stream import StreamTriggerType
from iii_triggers.trigger_types.stream.authentication import Handshake, identify
from iii_triggers.trigger_types.stream.client import StreamClient
from iii_triggers.trigger_types.stream.frames import decode

from .admission import peer_ip
from .sender import OVERLOADED, Send, Sender

logger = logging.getLogger(__name__)

STREAM_PORT = "iii.stream_port"
"""Key of the scope of a connection that came in on a port for stream clients only."""

MAX_WAITING_FRAMES = 16
"""How many frames of one client wait for those before them; more are left in its socket."""


class StreamConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """Serves one stream client."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()  # websocket.connect
        # A browser gives up unless one of what it offers is chosen.
        subprotocol = next(iter(scope.get("subprotocols") or ()), None)
        await send({"type": "websocket.accept", "subprotocol": subprotocol})
        engine = await process_engine.start_here(kind=Node.Kind.ASGI)
        sender = Sender(send, limit=_send_limit, peer="stream client")
        try:
            await _serve(engine, scope, receive, sender)
        except AuthenticationFailed as error:
            reason = one_line(error.message)
            logger.warning("A stream client from %s was refused: %s", peer_ip(scope), reason)
            sender.close(UNAUTHORIZED)
        except EngineNotRunning:
            sender.close(RESTARTING)
        except LimitExceeded as error:
            logger.warning("%s", error.message)
            sender.close(OVERLOADED)
        finally:
            await sender.stop()


async def _serve(engine: Engine, scope: dict[str, Any], receive: Any, sender: Sender) -> None:
    streams = engine.trigger_type(StreamTriggerType.id)
    if engine.draining or not isinstance(streams, StreamTriggerType):
        raise EngineNotRunning("The engine takes no stream clients.")
    with streams.clients.connection(sender):
        is_strict = _is_strict(scope)
        context = await identify(engine, Handshake.of(scope), is_strict=is_strict)
        client = StreamClient(
            engine=engine,
            streams=streams,
            transport=sender,
            context=context,
            is_strict=is_strict,
        )
        await Conversation(client=client, sender=sender).run(receive)


@dataclass(slots=True, kw_only=True)
class Conversation:
    """Reads frames and has them handled in order, until one side ends it."""

    client: StreamClient
    sender: Sender
    _frames: asyncio.Queue[str | bytes] = field(
        default_factory=lambda: asyncio.Queue(MAX_WAITING_FRAMES)
    )
    _has_complained: bool = False

    async def run(self, receive: Any) -> None:
        """Talk until the client goes, or is dropped because it cannot be written to."""
        loop = asyncio.get_running_loop()
        handling = loop.create_task(self._handle_all())
        ends = [loop.create_task(self._read(receive)), loop.create_task(self._dropped())]
        try:
            await asyncio.wait([handling, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            self.client.streams.farewell(self.client, handling)
            await asyncio.gather(*ends, return_exceptions=True)

    async def _read(self, receive: Any) -> None:
        while (event := await receive())["type"] != "websocket.disconnect":
            text = event.get("text")
            frame = text if text is not None else event.get("bytes") or b""
            if len(frame) > settings.III_STREAM_MAX_FRAME_BYTES:
                logger.warning("A stream client sent a frame that is too large.")
                self.sender.close(TOO_BIG)
                return
            if frame and not frame.isspace():
                await self._frames.put(frame)

    async def _dropped(self) -> None:
        await self.sender.gave_up.wait()

    async def _handle_all(self) -> None:
        while True:
            frame = await self._frames.get()
            try:
                await self.client.handle(decode(frame))
            except MalformedFrame as error:
                self._complain(error)
            except Exception:
                logger.exception("A frame of a stream client could not be handled.")

    def _complain(self, error: IiiError) -> None:
        level = logging.DEBUG if self._has_complained else logging.WARNING
        self._has_complained = True
        logger.log(level, "A stream client sent a bad frame: %s", one_line(error.message))


def _is_strict(scope: dict[str, Any]) -> bool:
    """Tell whether only known clients may connect (``III_STREAM_ACCESS``)."""
    if settings.III_STREAM_ACCESS == "auto":
        return STREAM_PORT not in scope and not django_settings.DEBUG
    return settings.III_STREAM_ACCESS == "authenticated"


def _send_limit() -> int:
    return settings.III_STREAM_MAX_SEND_QUEUE_BYTES
