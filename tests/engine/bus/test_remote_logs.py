"""Logs that cross the border of a process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.trigger_types.log import LogTriggerType
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer
from tests.support.site import declare
from tests.support.workers import FakeWorker

from .conftest import publish_rows

Offer = Callable[..., Awaitable[FakeWorker]]


async def beat(engine: Engine) -> None:
    kind = engine.trigger_type("log")
    assert isinstance(kind, LogTriggerType)
    await engine.database.run(kind.look_around)


async def test_a_log_fires_each_trigger_once(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    layer.doubles = True
    site: list[Any] = []
    for engine in (here, there):
        engine.functions.add_local(declare(SiteFunctions(), "site", site.append))
        await engine.triggers.register(
            Trigger(id="site", trigger_type="log", function_id="site", source="code")
        )
    near, far = await offer(here, "near"), await offer(there, "far")
    await near.bind("near", "log", function_id="near")
    await far.bind("far", "log", function_id="far", config={"level": "info"})
    await publish_rows(there)
    await beat(here)
    await ainvoke("engine::log::debug", {"message": "a"})
    await ainvoke("engine::log::info", {"message": "b"})
    frames = await far.transport.receive("invokefunction")
    assert [frame["data"]["body"] for frame in frames] == ["b"]
    assert [frame["data"]["body"] for frame in near.invocations] == ["a", "b"]

    async def heard() -> bool:
        return len(site) >= 2

    await eventually(heard)
    assert sorted(log["body"] for log in site) == ["a", "b"]


async def test_what_a_firing_logs_elsewhere_fires_nothing(
    here: Engine, there: Engine, offer: Offer
) -> None:
    near, far = await offer(here, "near"), await offer(there, "far")
    await near.bind("near", "log", function_id="near")
    await far.bind("far", "log", function_id="far")
    await publish_rows(there)
    await publish_rows(here)
    await beat(here)
    await beat(there)
    await ainvoke("engine::log::info", {"message": "a"})
    (frame,) = await far.transport.receive("invokefunction")
    trace = frame["traceparent"]
    await far.answer(frame, result=None)
    await far.call("engine::log::info", {"message": "b"}, traceparent=trace)
    await far.call("engine::log::info", {"message": "c"})
    assert [f["data"]["body"] for f in await far.transport.receive("invokefunction", 2)] == [
        "a",
        "c",
    ]
    frames = await near.transport.receive("invokefunction", 2)
    assert [frame["data"]["body"] for frame in frames] == ["a", "c"]
