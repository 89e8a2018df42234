"""Logs over OTLP arrive at both sockets, whatever else is sent there."""

from __future__ import annotations

import json

import pytest
from channels.consumer import AsyncConsumer

from iii_triggers.consumers import TelemetryConsumer, WorkerConsumer
from iii_triggers.engine.core import Engine
from tests.support.asgi import Socket
from tests.support.eventually import eventually

RECORD = {"severityText": "INFO", "body": {"stringValue": "hello"}}
LOGS = b"LOGS" + json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [RECORD]}]}]}).encode()


@pytest.mark.parametrize(
    ("consumer", "path"), [(WorkerConsumer, "/"), (TelemetryConsumer, "/otel")]
)
async def test_logs_are_kept(engine: Engine, consumer: type[AsyncConsumer], path: str) -> None:
    async with Socket(consumer(), path=path) as socket:
        for frame in (b"LOGS{", b"LOGS", b"MTRC[]", b"OTLP\xff", b"\x00\x01", LOGS):
            socket.send(frame)

        async def kept() -> bool:
            return [record.body for record in engine.telemetry.logs] == ["hello"]

        await eventually(kept)
        assert engine.telemetry.refused.total == 4
        assert all(not connection.spoke for connection in engine.connections.values())
