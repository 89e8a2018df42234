"""The telemetry socket of SDKs: accepted, read and dropped (protocol reference, section 1.7)."""

from __future__ import annotations

import logging
from typing import Any

from channels.consumer import AsyncConsumer

from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node
from iii_triggers.protocol.errors import AuthenticationFailed

from .admission import admit, peer_ip
from .sender import Send
from .worker import UNAUTHORIZED

logger = logging.getLogger(__name__)


class TelemetryConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """Keeps the socket open, because an SDK that loses it reconnects for ever."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        await process_engine.start_here(kind=Node.Kind.ASGI)
        try:
            await admit(scope)
        except AuthenticationFailed as error:
            logger.warning("Telemetry from %s was refused: %s", peer_ip(scope), error.message)
            await send({"type": "websocket.close", "code": UNAUTHORIZED})
            return
        while (await receive())["type"] != "websocket.disconnect":
            pass
