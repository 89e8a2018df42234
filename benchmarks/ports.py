"""Whether somebody takes connections at a port of this machine."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def listens(port: int, *, within_s: float = 1.0) -> bool:
    """Connect, and tell whether that was possible."""
    try:
        socket.create_connection((HOST, port), timeout=within_s).close()
    except OSError:
        return False
    return True
