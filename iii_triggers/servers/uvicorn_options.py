"""How uvicorn is to serve the engine, whoever starts it."""

from __future__ import annotations

from typing import Any

from iii_triggers.conf import settings

from .joined_writes import JoiningProtocol
from .uvicorn_websockets import PatientProtocol


def options() -> dict[str, Any]:
    """Return options of ``uvicorn.Config``, as the settings of the site are now."""
    return {
        "http": JoiningProtocol,
        "ws": PatientProtocol,
        "lifespan": "on",
        "ws_max_size": settings.III_MAX_FRAME_BYTES,
        "ws_per_message_deflate": False,
        "ws_ping_interval": settings.III_PING_INTERVAL_S,
        "ws_ping_timeout": settings.III_PING_TIMEOUT_S,
        "timeout_graceful_shutdown": max(1, round(settings.III_SHUTDOWN_GRACE_S)),
    }
