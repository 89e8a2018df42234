"""Telemetry that is passed on to an OTLP endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.engine.telemetry import forwarding
from tests.support.eventually import eventually
from tests.support.http_target import HttpTarget

SPANS = b'{"resourceSpans":[]}'


async def test_each_signal_goes_to_its_path_as_it_came(
    engine: Engine, target: HttpTarget, settings: Any
) -> None:
    settings.III_OTLP_ENDPOINT = f"http://127.0.0.1:{target.port}/base/"
    settings.III_OTLP_HEADERS = {"X-Key": "k"}
    for prefix in (b"OTLP", b"MTRC", b"LOGS"):
        engine.telemetry.take(prefix + SPANS)
    requests = await target.arrived(3)
    paths = [request.line.split()[1] for request in requests]
    assert paths == ["/base/v1/traces", "/base/v1/metrics", "/base/v1/logs"]
    assert {request.body for request in requests} == {SPANS}
    assert requests[0].headers["content-type"] == "application/json"
    assert requests[0].headers["x-key"] == "k"
    assert target.connections == 1


async def test_nothing_is_sent_without_an_endpoint(engine: Engine, target: HttpTarget) -> None:
    engine.telemetry.take(b"OTLP" + SPANS)
    assert engine.telemetry.forwarder._task is None


async def test_a_dead_endpoint_costs_frames_and_one_line(
    engine: Engine,
    target: HttpTarget,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(forwarding, "PAUSE_S", 0)
    monkeypatch.setattr(forwarding, "MAX_WAITING_FRAMES", 5)
    settings.III_OTLP_ENDPOINT = f"http://127.0.0.1:{target.port}"
    await target.stop()
    for _ in range(8):
        engine.telemetry.take(b"OTLP" + SPANS)
    forwarder = engine.telemetry.forwarder

    async def gave_up() -> bool:
        return forwarder.lost.total == 8

    await eventually(gave_up)
    assert caplog.text.count("frames of telemetry were dropped") == 1


async def test_an_endpoint_that_refuses_or_hangs_does_not_stop_the_rest(
    engine: Engine, target: HttpTarget, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "PAUSE_S", 0)
    settings.III_OTLP_ENDPOINT = f"http://127.0.0.1:{target.port}"
    forwarder = engine.telemetry.forwarder
    target.reply(status="503 Service Unavailable")
    engine.telemetry.take(b"OTLP" + SPANS)
    await target.arrived(1)
    monkeypatch.setattr(forwarding, "REQUEST_TIMEOUT_S", 0.1)
    target.hangs = True
    engine.telemetry.take(b"OTLP" + SPANS)
    await target.arrived(2)
    target.hangs = False
    target.reply({})
    engine.telemetry.take(b"OTLP" + SPANS)

    async def done() -> bool:
        return (forwarder.lost.total, forwarder.sent) == (2, 1)

    await eventually(done)


async def test_an_engine_that_stops_gives_up_what_waits(
    engine: Engine, target: HttpTarget, settings: Any
) -> None:
    settings.III_OTLP_ENDPOINT = f"http://127.0.0.1:{target.port}"
    target.hangs = True
    engine.telemetry.take(b"OTLP" + SPANS)
    await target.arrived(1)
    await engine.stop()
    assert engine.telemetry.forwarder.sent == 0
