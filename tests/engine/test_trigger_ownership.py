"""Whose a trigger is, and who may take it, and how many one may have (section 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from django.test import override_settings

from iii_triggers.engine.core import Engine
from tests.support.http import ask
from tests.support.registrators import RecordingType, add_type, of_the_site, state
from tests.support.workers import FakeWorker, provided

Connect = Callable[..., Awaitable[FakeWorker]]


@pytest.fixture
def recording() -> RecordingType:
    return RecordingType()


async def test_a_worker_can_neither_remove_nor_replace_a_trigger_of_the_site(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    await add_type(engine, recording)
    await engine.triggers.register(of_the_site("t"))
    worker = await connect()
    await worker.send("unregistertrigger", id="t", trigger_type="recording")
    await worker.bind("t", "recording", function_id="mine")
    [refusal] = worker.transport.of_type("triggerregistrationresult")
    assert "taken by a trigger of the site" in refusal["error"]["message"]
    await worker.leave()
    assert [trigger.function_id for trigger in engine.triggers.active("recording")] == ["f"]
    assert recording.log == [("+", "t")]


async def test_any_worker_may_remove_or_replace_the_trigger_of_another(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    await add_type(engine, recording)
    first, second = await connect(), await connect()
    await first.bind("t", "recording")
    await second.bind("t", "recording", function_id="g")
    await first.leave()
    assert [trigger.function_id for trigger in engine.triggers.active("recording")] == ["g"]
    third = await connect()
    await third.send("unregistertrigger", id="t")
    await third.send("unregistertrigger", id="unknown")
    assert state(engine, "t") is None
    assert second.connection.trigger_ids == set()


async def test_a_reconnect_that_overlaps_its_old_connection_loses_nothing(
    engine: Engine, connect: Connect
) -> None:
    old = await connect("f")
    await old.bind("t", "http", config={"api_path": "x"})
    await old.bind("u", "http", config={"api_path": "only-old"})
    new = await connect("f")
    await new.bind("t", "http", config={"api_path": "x"})
    await old.leave()
    assert state(engine, "t") == "active"
    assert state(engine, "u") is None
    assert new.connection.trigger_ids == {"t"}
    await new.start_call("f")
    assert len(new.invocations) == 1


async def test_a_worker_cannot_take_over_a_type_of_the_engine(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect()
    await worker.send("registertriggertype", id="http", description="mine")
    await worker.bind("t", "http", config={"api_path": "x"})
    assert state(engine, "t") == "active"
    assert worker.transport.of_type("registertrigger") == []
    await worker.leave()
    assert engine.trigger_type("http") is not None
    assert provided(engine) == []


async def test_the_old_name_of_a_type_is_the_type(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    await worker.bind("t", "api", config={"api_path": "x"})
    assert state(engine, "t") == "active"
    [trigger] = engine.triggers.active("http")
    assert trigger.trigger_type == "api"


async def test_a_worker_may_register_only_so_many_triggers(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect()
    with override_settings(III_MAX_TRIGGERS_PER_WORKER=1):
        await worker.bind("t", "later")
        await worker.bind("t", "later")
        await worker.bind("u", "later")
    [refusal] = worker.transport.of_type("triggerregistrationresult")
    assert (refusal["id"], refusal["error"]["code"]) == ("u", "LIMIT_EXCEEDED")


@pytest.mark.parametrize(
    "fields",
    [
        {"id": " "},
        {"id": "x" * 256},
        {"function_id": ""},
        {"trigger_type": "a\0b"},
    ],
)
async def test_an_id_that_is_empty_too_long_or_unstorable_is_refused(
    engine: Engine, connect: Connect, fields: dict[str, str]
) -> None:
    worker = await connect()
    await worker.send(
        "registertrigger", **{"id": "t", "trigger_type": "x", "function_id": "f", **fields}
    )
    [refusal] = worker.transport.of_type("triggerregistrationresult")
    assert refusal["error"]["code"] == "LIMIT_EXCEEDED"
    assert list(engine.triggers.entries()) == []


@pytest.mark.parametrize("key", ["namespace", "trigger_namespace"])
async def test_a_trigger_with_a_blank_namespace_is_refused(connect: Connect, key: str) -> None:
    worker = await connect()
    await worker.bind("t", "http", **{key: " "})
    [refusal] = worker.transport.of_type("triggerregistrationresult")
    assert refusal["error"]["code"] == "INVALID_NAMESPACE"


async def test_an_older_route_of_a_worker_comes_back(connect: Connect) -> None:
    old, new = await connect("old"), await connect("new")
    await old.bind("t1", "http", function_id="old", config={"api_path": "x"})
    await new.bind("t2", "http", function_id="new", config={"api_path": "x"})
    for worker in (new, old):
        asking = asyncio.ensure_future(ask("GET", "/x"))
        [invocation] = await worker.transport.receive("invokefunction")
        await worker.answer(invocation, result=1)
        assert (await asking).status == 200
        await worker.leave()
    assert (await ask("GET", "/x")).status == 404
