"""The telemetry socket of SDKs, which nothing is answered on (protocol reference, section 1.7)."""

from __future__ import annotations

import logging
from typing import Any

from channels.consumer import AsyncConsumer

from iii_triggers.engine.access.authentication import AuthFunctionAway
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node
from iii_triggers.protocol.close_codes import RESTARTING, UNAUTHORIZED
from iii_triggers.protocol.codec import encode, error_body
from iii_triggers.protocol.errors import AuthenticationFailed
from iii_triggers.protocol.messages import Error

from .admission import Admission, peer_ip
from .early_frames import EarlyFrames, PeerGone
from .sender import Send, Sender

logger = logging.getLogger(__name__)


class TelemetryConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """Keeps the socket open, because an SDK that loses it reconnects for ever."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        engine = await process_engine.start_here(kind=Node.Kind.ASGI)
        sender = Sender(send, peer="telemetry socket")
        admission = Admission(engine, scope, sender.close)
        frames = EarlyFrames(receive)
        try:
            await frames.during(admission.admit())
            while (event := await frames.receive())["type"] != "websocket.disconnect":
                if sender.is_closing:
                    return
                engine.telemetry.take(event.get("bytes") or b"")
        except PeerGone:
            return
        except AuthenticationFailed as error:
            logger.warning("Telemetry from %s was refused: %s", peer_ip(scope), error.message)
            sender.send_text(encode(Error(error=error_body(error))))
            sender.close(UNAUTHORIZED)
        except AuthFunctionAway:
            sender.close(RESTARTING)
        finally:
            admission.end()
            await frames.stop()
            await sender.stop()
