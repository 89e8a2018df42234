"""The worker socket: decode, hand to the engine, encode."""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from time import monotonic
from typing import Any

from channels.consumer import AsyncConsumer

from iii_triggers.conf import settings
from iii_triggers.context import speaking_worker
from iii_triggers.engine.access.authentication import AuthFunctionAway
from iii_triggers.engine.connections import WorkerConnection
from iii_triggers.engine.core import Engine
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node
from iii_triggers.protocol.close_codes import RESTARTING, TOO_BIG, UNAUTHORIZED
from iii_triggers.protocol.codec import decode, encode, error_body
from iii_triggers.protocol.errors import (
    AuthenticationFailed,
    EngineNotRunning,
    IiiError,
    MalformedFrame,
)
from iii_triggers.protocol.messages import Error
from iii_triggers.protocol.text import one_line

from .admission import Admission, peer_ip
from .early_frames import EarlyFrames, PeerGone
from .sender import Send, Sender

logger = logging.getLogger(__name__)

FRAMES_IN_A_ROW = 32
"""After so many frames it is somebody else's turn, however many have come at once."""


class WorkerConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """Speaks the worker protocol on one WebSocket.

    It reads its socket itself instead of through ``dispatch``, which hops to a thread for every
    frame, and it never waits for an answer of the socket while it reads.
    """

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        engine = await process_engine.start_here(kind=Node.Kind.ASGI)
        teardown: asyncio.Task[None] | None = None
        sender = Sender(send)
        admission = Admission(engine, scope, sender.drop)
        frames = EarlyFrames(receive)
        try:
            session = await frames.during(admission.admit())
            if sender.is_closing:
                # The token ended while the auth function was asked.
                return
            connection = engine.connect(sender, ip=peer_ip(scope), session=session)
            speaking_worker.set(connection.worker_id)
            teardown = asyncio.create_task(_tear_down(engine, connection, sender))
            await _read_frames(engine, connection, frames.receive)
        except PeerGone:
            return
        except AuthenticationFailed as error:
            logger.warning("A worker from %s was refused: %s", peer_ip(scope), error.message)
            sender.send_text(encode(Error(error=error_body(error))))
            sender.close(UNAUTHORIZED)
        except AuthFunctionAway as error:
            logger.warning("A worker from %s shall come back: %s", peer_ip(scope), error.message)
            sender.close(RESTARTING)
        except EngineNotRunning:
            sender.close(RESTARTING)
        finally:
            admission.end()
            await frames.stop()
            if teardown is not None:
                sender.gave_up.set()
                # Shielded: a server that loses patience must not leave half of it undone.
                await asyncio.shield(teardown)
            await sender.stop()


async def _tear_down(engine: Engine, connection: WorkerConnection, sender: Sender) -> None:
    """Disconnect once the peer cannot be written to, though its socket may linger."""
    await sender.gave_up.wait()
    await engine.disconnect(connection)


async def _read_frames(engine: Engine, connection: WorkerConnection, receive: Any) -> None:
    for number in count(1):
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        connection.last_frame_at = monotonic()
        text = event.get("text")
        frame = text if text is not None else event.get("bytes") or b""
        if len(frame) > settings.III_MAX_FRAME_BYTES:
            logger.warning("Worker %s sent a frame that is too large.", connection.worker_id)
            connection.close(TOO_BIG)
            return
        await _handle(engine, connection, frame)
        if number % FRAMES_IN_A_ROW == 0:
            await asyncio.sleep(0)


async def _handle(engine: Engine, connection: WorkerConnection, frame: str | bytes) -> None:
    if isinstance(frame, bytes) and engine.telemetry.take(frame):
        return
    if not frame or frame.isspace():
        return
    try:
        message = decode(frame if isinstance(frame, str) else _as_text(frame))
        waits = engine.frames.handle(connection, message)
        if waits is not None:
            await waits
    except MalformedFrame as error:
        connection.malformed_frames += 1
        level = logging.WARNING if connection.malformed_frames == 1 else logging.DEBUG
        reason = one_line(error.message)
        logger.log(level, "Worker %s sent a bad frame: %s", connection.worker_id, reason)
    except IiiError as error:
        logger.warning("Worker %s: %s", connection.worker_id, one_line(error.message))
    except Exception:
        logger.exception("A frame of worker %s could not be handled.", connection.worker_id)


def _as_text(frame: bytes) -> str:
    try:
        return frame.decode()
    except UnicodeDecodeError as error:
        raise MalformedFrame("The frame is not UTF-8.") from error
