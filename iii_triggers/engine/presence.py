"""Workers that come and go, told to whoever watches (protocol reference, sections 1.3 and 6.4).

A connection counts from its first message of the protocol on: telemetry sockets of old SDKs, which
never send one, are nobody (section 1.7).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from .connections import WorkerConnection
from .mirror import Mirror

logger = logging.getLogger(__name__)

CONNECTED = "worker_connected"
UPDATED = "worker_metadata_updated"
DISCONNECTED = "worker_disconnected"

Watcher = Callable[[str, WorkerConnection], None]


class Presence:
    """Writes the rows of workers and tells watchers, who do not wait."""

    def __init__(self, mirror: Mirror) -> None:
        self.since_ms = int(time.time() * 1000)
        """When this engine was made."""
        self.watchers: list[Watcher] = []
        self._mirror = mirror

    def spoke(self, connection: WorkerConnection) -> None:
        """Note the first message of a connection; one that is gone already is not brought back."""
        if connection.closed:
            return
        connection.spoke = True
        self._mirror.worker_connected(connection)
        self._tell(CONNECTED, connection)

    def introduced(self, connection: WorkerConnection) -> None:
        """Note that a worker said what it is; it may say so again, and be gone by then."""
        if connection.closed:
            return
        connection.registered = True
        self._mirror.worker_connected(connection)
        self._tell(UPDATED, connection)

    def left(self, connection: WorkerConnection) -> None:
        """Note that a connection is gone, with all it owned."""
        self._mirror.worker_disconnected(connection)
        if connection.spoke:
            self._tell(DISCONNECTED, connection)

    def _tell(self, event: str, connection: WorkerConnection) -> None:
        for watcher in self.watchers:
            try:
                watcher(event, connection)
            except Exception:
                logger.exception("Nobody was told that %s.", event)
