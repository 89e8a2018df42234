"""What the client tells the engine on each connection, and in which order."""

from __future__ import annotations

import json
import os
import platform

from iii_triggers.sdk import AsyncClient

from .stub import FAST, StubEngine, with_engine


def _names(frames):
    return [(frame["type"], frame.get("id") or frame.get("function_id")) for frame in frames]


def _client_with_everything(url: str) -> AsyncClient:
    client = AsyncClient(url, name="ada", description="counts", **FAST)
    client.register_function({"id": "greet", "description": "Greets"}, lambda data: data)
    client.register_trigger_type({"id": "slack", "description": "Slack events"})
    return client


REPLAY = [
    ("registertriggertype", "slack"),
    ("registerfunction", "greet"),
    ("registertrigger", "t1"),
]


@with_engine
async def test_what_was_registered_offline_is_sent_on_connecting(engine: StubEngine):
    client = _client_with_everything(engine.url)
    trigger = {"id": "t1", "type": "http", "function_id": "greet", "config": {"api_path": "g"}}
    assert await client.register_trigger(trigger) == "t1"
    await client.call_void("audit", {"n": 1})
    async with client:
        peer = await engine.peer()
        assert _names(peer.frames) == [
            *REPLAY,
            ("invokefunction", "audit"),
            ("invokefunction", "engine::workers::register"),
        ]
        assert peer.frames[0] == {
            "type": "registertriggertype",
            "id": "slack",
            "description": "Slack events",
        }
        assert peer.frames[1] == {
            "type": "registerfunction",
            "id": "greet",
            "description": "Greets",
        }
        assert peer.frames[2] == {
            "type": "registertrigger",
            "id": "t1",
            "trigger_type": "http",
            "function_id": "greet",
            "config": {"api_path": "g"},
        }


@with_engine
async def test_the_worker_introduces_itself(engine: StubEngine):
    async with AsyncClient(engine.url, name="ada", namespace="shop", **FAST):
        register = (await engine.peer()).frames[-1]
    assert register["action"] == {"type": "void"}
    assert "invocation_id" not in register
    assert "namespace" not in register
    data = register["data"]
    assert (data["runtime"], data["name"], data["namespace"]) == ("python", "ada", "shop")
    assert data["pid"] == os.getpid()
    assert platform.system() in data["os"]
    assert data["version"]


@with_engine
async def test_everything_is_repeated_after_a_reattach(engine: StubEngine):
    client = _client_with_everything(engine.url)
    await client.register_trigger(id="t1", type="http", function_id="greet")
    async with client:
        first = await engine.peer()
        first.socket.transport.abort()
        second = await engine.peer(1)
        assert second.frames[0] == {
            "type": "reattach",
            "previous_worker_id": "w1",
            "reattach_token": "t1",
        }
        assert _names(second.frames)[1:] == [
            *REPLAY,
            ("invokefunction", "engine::workers::register"),
        ]


@with_engine
async def test_what_was_unregistered_is_not_repeated(engine: StubEngine):
    client = _client_with_everything(engine.url)
    await client.register_trigger(id="t1", type="http", function_id="greet")
    async with client:
        first = await engine.peer()
        client.unregister_function("greet")
        client.unregister_trigger_type("slack")
        await client.unregister_trigger("t1")
        assert _names(first.frames)[-4:-1] == [
            ("unregisterfunction", "greet"),
            ("unregistertriggertype", "slack"),
            ("unregistertrigger", "t1"),
        ]
        assert first.of_type("unregistertrigger")[0]["trigger_type"] == "http"
        first.socket.transport.abort()
        second = await engine.peer(1)
        assert second.types() == ["reattach", "invokefunction"]


@with_engine
async def test_a_changed_config_object_changes_nothing_that_was_registered(engine: StubEngine):
    client = AsyncClient(engine.url, **FAST)
    config = {"api_path": "a"}
    await client.register_trigger(id="t1", type="http", function_id="f", config=config)
    config["api_path"] = {object()}
    async with client:
        peer = await engine.peer()
    assert peer.of_type("registertrigger")[0]["config"] == {"api_path": "a"}


@with_engine
async def test_frames_without_meaning_are_skipped(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        client.register_function("echo", lambda data: data)
        peer = await engine.peer()
        for junk in ("", "{", "[]", b"\xff\xfe", json.dumps({"type": "features"}), '{"type":1}'):
            await peer.socket.send(junk)
        assert await client.call("echo", 5) == 5
        assert len(engine.peers) == 1
