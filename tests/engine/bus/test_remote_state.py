"""Changes of the state that cross the border of a process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.trigger_values import Trigger
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer
from tests.support.site import declare
from tests.support.workers import FakeWorker

Offer = Callable[..., Awaitable[FakeWorker]]

ITEM = {"scope": "s", "key": "k"}


async def watching(engine: Engine, offer: Offer, function_id: str) -> FakeWorker:
    worker = await offer(engine, function_id)
    await worker.bind(f"t-{worker.id}", "state", function_id=function_id, config={"scope": "s"})
    return worker


async def told(worker: FakeWorker, number: int = 1) -> list[Any]:
    """Return what a worker is told; each call is answered, because they come one by one."""
    for count in range(1, number + 1):
        frames = await worker.transport.receive("invokefunction", count)
        await worker.answer(frames[count - 1], result=None)
    return [frame["data"]["new_value"] for frame in worker.invocations]


async def test_workers_of_every_process_hear_of_a_change_once(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    layer.doubles = True
    near, far = await watching(here, offer, "near"), await watching(there, offer, "far")
    await ainvoke("state::set", {**ITEM, "value": 1})
    await ainvoke("state::set", {"scope": "other", "key": "k", "value": 2})
    await ainvoke("state::set", {**ITEM, "value": 3})
    assert await told(near, 2) == await told(far, 2) == [1, 3]


async def test_what_a_worker_of_one_process_writes_is_read_in_another(
    here: Engine, there: Engine, offer: Offer
) -> None:
    near, far = await offer(here), await offer(there)
    await far.call("state::set", {**ITEM, "value": {"from": "far"}})
    assert (await near.call("state::get", ITEM))["result"] == {"from": "far"}


async def test_the_site_hears_of_a_change_once(here: Engine, there: Engine, offer: Offer) -> None:
    changes: list[Any] = []
    for engine in (here, there):
        engine.functions.add_local(declare(SiteFunctions(), "site", changes.append))
        await engine.triggers.register(
            Trigger(id="site", trigger_type="state", function_id="site", source="code")
        )
    far = await watching(there, offer, "far")
    await ainvoke("state::set", {**ITEM, "value": 1})
    await told(far)

    async def arrived() -> bool:
        return bool(changes)

    await eventually(arrived)
    assert [change["new_value"] for change in changes] == [1]


async def test_workers_of_every_process_hear_of_a_configuration(
    here: Engine, there: Engine, offer: Offer
) -> None:
    far = await offer(there, "far")
    await far.bind("t", "configuration", function_id="far", config={"configuration_id": "mail"})
    await ainvoke("configuration::register", {"id": "mail", "initial_value": 7})
    assert await told(far) == [7]
