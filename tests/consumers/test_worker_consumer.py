"""The worker socket (protocol reference, section 1)."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.consumers import TelemetryConsumer, WorkerConsumer
from iii_triggers.engine.core import Engine
from iii_triggers.engine.functions import Offer
from iii_triggers.engine.mirror import write_batch
from iii_triggers.models import Worker
from tests.support.asgi import Socket
from tests.support.eventually import eventually


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[Socket]:
    async with Socket(WorkerConsumer(), **options) as socket:
        assert (await socket.greeting())["type"] == "workerregistered"
        yield socket


async def test_the_first_frame_tells_the_worker_who_it_is(engine: Engine) -> None:
    async with Socket(WorkerConsumer()) as socket:
        frame = await socket.greeting()
        assert set(frame) == {"type", "worker_id", "reattach_token"}
        assert frame["worker_id"] in engine.connections
        assert engine.connections[frame["worker_id"]].ip == "127.0.0.1"


@pytest.mark.parametrize(
    "junk",
    [
        "{",
        "[]",
        "7",
        "null",
        '"text"',
        "{}",
        '{"type":"unheard-of"}',
        '{"type":7}',
        '{"type":"registerfunction"}',
        '{"type":"registerfunction","id":7}',
        '{"type":"registertrigger","id":"t"}',
        '{"type":"invokefunction","invocation_id":"i"}',
        "[" * 100_000,
        '{"type":"registerfunction","id":"\\ud83d"}',
        b"\x00\xff\xfe",
        b"\xc3\x28",
        b'{"type":"nope"}',
    ],
    ids=range(17),
)
async def test_junk_gets_no_answer_and_the_socket_stays(
    engine: Engine, junk: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected() as socket:
        socket.send(junk)
        await socket.pong()
        [connection] = engine.connections.values()
        assert connection.malformed_frames == 1
    assert "bad frame" in caplog.text


@pytest.mark.parametrize("frame", ["", " ", "\r\n\t", b"", b"  "])
async def test_blank_frames_are_nothing(engine: Engine, frame: str | bytes) -> None:
    async with connected() as socket:
        socket.send(frame)
        await socket.pong()
        [connection] = engine.connections.values()
        assert connection.malformed_frames == 0


async def test_a_binary_frame_may_carry_a_message(engine: Engine) -> None:
    async with connected() as socket:
        socket.send(b'{"type":"registerfunction","id":"f"}')
        await socket.pong()
        assert isinstance(engine.functions.find("default", "f"), Offer)


@pytest.mark.parametrize("prefix", [b"OTLP", b"MTRC", b"LOGS"])
async def test_telemetry_is_swallowed_and_does_not_make_a_worker(
    engine: Engine, prefix: bytes
) -> None:
    async with connected() as socket:
        socket.send(prefix + b'{"resourceSpans":[]}')
        socket.send(" ")
        socket.send("{")
        [connection] = engine.connections.values()
        await eventually(lambda: _async(connection.malformed_frames == 1))
        assert not connection.spoke
        assert socket.is_silent()
        await engine.database.run(write_batch, engine.mirror.take())
        assert not await engine.database.run(Worker.objects.exists)


async def _async(value: bool) -> bool:
    return value


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "registerservice", "id": "s"},
        {"type": "pong"},
        {"type": "workerregistered", "worker_id": "w", "reattach_token": "t"},
        {"type": "registrationrejected", "code": "c", "namespace": "n"},
        {"type": "error", "error": {"code": "c", "message": "m"}},
        {"type": "unregisterfunction", "id": "unknown"},
        {"type": "unregistertrigger", "id": "unknown"},
        {"type": "unregistertriggertype", "id": "unknown"},
        {"type": "registerfunction", "id": " "},
        {"type": "registerfunction", "id": "h", "invocation": {"url": "https://10.0.0.1"}},
        {"type": "registertriggertype", "id": "http"},
        {"type": "invocationresult", "invocation_id": "unknown"},
    ],
    ids=lambda frame: frame["type"],
)
async def test_frames_without_an_answer_get_none(engine: Engine, frame: dict[str, Any]) -> None:
    async with connected() as socket:
        socket.send(frame)
        await socket.pong()
        [connection] = engine.connections.values()
        assert connection.malformed_frames == 0
        assert connection.function_ids == set()


async def test_a_frame_that_is_too_large_closes_with_1009(engine: Engine) -> None:
    with override_settings(III_MAX_FRAME_BYTES=100):
        async with connected() as socket, connected() as other:
            socket.send(" " * 100)
            await socket.pong()
            socket.send("x" * 101)
            assert await socket.close_code() == 1009
            await other.pong()
            assert len(engine.connections) == 1


async def test_a_handler_that_fails_is_logged_and_the_socket_stays(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(engine.functions.__class__, "offer", fail)
    async with connected() as socket:
        socket.send({"type": "registerfunction", "id": "f"})
        await socket.pong()
    assert "could not be handled" in caplog.text


async def test_the_next_frame_sees_what_the_one_before_registered(engine: Engine) -> None:
    async with connected() as socket:
        socket.send({"type": "registerfunction", "id": "f"})
        socket.send(
            {
                "type": "registertrigger",
                "id": "t",
                "trigger_type": "http",
                "function_id": "f",
                "config": {"api_path": "x"},
            }
        )
        socket.send({"type": "invokefunction", "function_id": "f", "invocation_id": "i"})
        frame = await socket.frame()
        assert (frame["type"], frame["function_id"]) == ("invokefunction", "f")
        socket.send({"type": "invocationresult", "invocation_id": frame["invocation_id"]})
        assert (await socket.frame())["invocation_id"] == "i"
        assert engine.triggers.active("http")


async def test_what_a_worker_registered_goes_when_its_socket_closes(engine: Engine) -> None:
    async with connected() as socket:
        socket.send({"type": "registerfunction", "id": "f"})
        await socket.pong()
    assert engine.functions.find("default", "f") is None
    assert engine.connections == {}


async def test_a_worker_that_reattaches_is_read_on_after_its_old_connection_is_gone(
    engine: Engine,
) -> None:
    async with Socket(WorkerConsumer()) as old:
        greeting = await old.greeting()
        old.send({"type": "registerfunction", "id": "f"})
        await old.pong()
        async with connected() as new:
            new.send(
                {
                    "type": "reattach",
                    "previous_worker_id": greeting["worker_id"],
                    "reattach_token": greeting["reattach_token"],
                }
            )
            new.send({"type": "invokefunction", "function_id": "f", "invocation_id": "i"})
            assert (await new.frame())["error"]["code"] == "function_not_found"
            assert await old.close_code() == 1012


async def test_an_engine_that_drains_sends_newcomers_back(engine: Engine) -> None:
    engine.draining = True
    async with Socket(WorkerConsumer()) as socket:
        assert await socket.close_code() == 1012


async def test_a_stopping_engine_tells_its_workers_to_come_back(engine: Engine) -> None:
    async with connected() as socket:
        await engine.stop()
        assert await socket.close_code() == 1012


async def test_a_worker_that_does_not_read_is_dropped_and_asked_for_nothing_more(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(III_MAX_SEND_QUEUE_BYTES=5000):
        async with connected() as stuck, connected() as caller:
            stuck.send({"type": "registerfunction", "id": "f"})
            await stuck.pong()
            stuck.reads.clear()
            for _ in range(3):
                caller.send({"type": "invokefunction", "function_id": "f", "data": "x" * 3000})
            await caller.pong()
            await eventually(lambda: _async(len(engine.connections) == 1))
            caller.send({"type": "invokefunction", "function_id": "f", "invocation_id": "i"})
            assert (await caller.frame())["error"]["code"] == "function_not_found"
    assert "does not keep up" in caplog.text


async def test_the_telemetry_socket_reads_everything_and_says_nothing(engine: Engine) -> None:
    async with Socket(TelemetryConsumer(), path="/otel") as socket:
        assert (await socket.event())["type"] == "websocket.accept"
        socket.send(b"OTLP{}")
        socket.send("text")
        assert socket.is_silent()
        assert engine.connections == {}
    assert socket.task.done()
    assert socket.task.exception() is None


async def test_the_telemetry_socket_has_the_same_lock(engine: Engine) -> None:
    async with Socket(TelemetryConsumer(), path="/otel", client="10.0.0.1") as socket:
        assert await socket.close_code() == 4401


async def test_bad_frames_do_not_flood_the_log(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected() as socket:
        for _ in range(5):
            socket.send("{")
        await socket.pong()
    levels = [r.levelno for r in caplog.records if "bad frame" in r.message]
    assert levels.count(logging.WARNING) == 1
