"""Takes telemetry in: logs into the store and to triggers, everything to the endpoint."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import DecodeError, Raw
from msgspec.json import Decoder

from iii_triggers.protocol.codec import TELEMETRY_PREFIXES, from_json, to_json
from iii_triggers.protocol.errors import MalformedFrame

from .complaints import Complaints
from .forwarding import Forwarder
from .otlp import records_of
from .records import LogRecord
from .store import LogStore

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection

logger = logging.getLogger(__name__)

Watcher = Callable[[LogRecord, bytes, "WorkerConnection | None"], None]
"""Gets a log, its JSON, and the worker that made it if that is known."""

MAX_FRAME_BYTES = 4 * 1024 * 1024
"""Larger frames are dropped: reading one must not hold up the loop."""

SIGNALS = {b"OTLP": "traces", b"MTRC": "metrics", b"LOGS": "logs"}

_decoder = Decoder(dict[str, Raw])


class Telemetry:
    """What this process knows of its workers' telemetry. Used on the loop of the engine."""

    def __init__(self) -> None:
        self.logs = LogStore()
        self.forwarder = Forwarder()
        self.watchers: list[Watcher] = []
        self.refused = Complaints(logger, "%d frames of telemetry were ignored: %s")

    def take(self, frame: bytes) -> bool:
        """Take a frame that begins with ``OTLP``, ``MTRC`` or ``LOGS``; tell whether it does.

        What cannot be read is counted and dropped.
        """
        if not frame.startswith(TELEMETRY_PREFIXES):
            return False
        signal, body = SIGNALS[frame[:4]], frame[4:]
        if len(body) > MAX_FRAME_BYTES:
            self.refused.add("too large")
        elif _is_object(body):
            self.forwarder.add(signal, body)
            if signal == "logs":
                self._take_logs(body)
        else:
            self.refused.add("not OTLP/JSON")
        return True

    def log(self, record: LogRecord, *, worker: WorkerConnection | None = None) -> None:
        """Keep a log and tell who watches."""
        try:
            data = to_json(record)
        except (ValueError, TypeError, RecursionError):
            self.refused.add("a log is not JSON")
            return
        self.logs.add(record, len(data))
        for watcher in self.watchers:
            watcher(record, data, worker)

    async def stop(self) -> None:
        """Send nothing any more."""
        await self.forwarder.stop()

    def _take_logs(self, body: bytes) -> None:
        try:
            for record in records_of(from_json(body)):
                self.log(record)
        except (MalformedFrame, ValueError, OverflowError, RecursionError) as error:
            self.refused.add(type(error).__name__)


def _is_object(body: bytes) -> bool:
    try:
        _decoder.decode(body)
    except (DecodeError, UnicodeError, RecursionError):
        return False
    return True
