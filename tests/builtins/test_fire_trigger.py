"""``engine::fire_trigger``: one trigger, for processes that only have a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.core import Engine
from iii_triggers.models import Invocation, Trigger
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


async def make(engine: Engine, **facts: Any) -> None:
    values = {"trigger_id": "t", "trigger_type": "http", "function_id": "f", "metadata": [1]}
    await engine.database.run(lambda: Trigger.objects.create(**{**values, **facts}))


@pytest.mark.parametrize("config", [{"api_path": "a", "timeout_ms": 9000}, {"api_path": 1}, None])
async def test_the_caller_gets_what_the_function_returns(
    engine: Engine, connect: Connect, config: Any
) -> None:
    host, caller = await connect("f"), await connect()
    await make(engine, enabled=False, config=config or {})
    with override_settings(III_HISTORY="all"):
        data = {"trigger_id": "t", "payload": {"n": 1}}
        asking = asyncio.create_task(caller.call("engine::fire_trigger", data))
        [asked] = await host.transport.receive("invokefunction")
        assert (asked["data"], asked["metadata"]) == ({"n": 1}, [1])
        await host.answer(asked, result="ok")
        assert (await asking)["result"] == "ok"
        await engine.history.flush()
    run = await engine.database.run(lambda: Invocation.objects.get(function_id="f"))
    assert (run.trigger_type, run.trigger_id) == ("http", "t")


async def test_the_error_of_the_function_is_that_of_the_caller(
    engine: Engine, connect: Connect
) -> None:
    caller = await connect()
    await make(engine, namespace="team")
    data = {"trigger_id": "t", "namespace": "team"}
    with override_settings(III_HISTORY="all"):
        error = (await caller.call("engine::fire_trigger", data))["error"]
        await engine.history.flush()
    assert error["code"] == "function_not_found"
    assert await engine.database.run(Invocation.objects.filter(function_id="f").count) == 1


@pytest.mark.parametrize("trigger_id", ["u", "t\0", ""])
async def test_one_that_is_not_there_is_told(connect: Connect, trigger_id: str) -> None:
    caller = await connect()
    error = (await caller.call("engine::fire_trigger", {"trigger_id": trigger_id}))["error"]
    assert error["code"] == "NOT_FOUND"
