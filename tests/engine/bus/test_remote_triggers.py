"""Triggers of workers of other nodes: a request and a firing may come in anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers import afire_triggers
from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.models import TriggerType
from tests.support.asgi import Answer
from tests.support.eventually import eventually
from tests.support.http import ask, is_error
from tests.support.workers import FakeWorker

from .conftest import publish_rows

Offer = Callable[..., Awaitable[FakeWorker]]
ROUTE = {"api_path": "orders/:id", "http_method": "GET"}


async def routed(engine: Engine, here: Engine, offer: Offer, *, trigger_id: str = "t") -> Any:
    """Connect a worker with a route, and have ``here`` look at it."""
    function_id = f"f-{engine.node.node_id}"
    worker = await offer(engine, function_id)
    await worker.bind(trigger_id, "http", function_id=function_id, config=ROUTE)
    await learn(engine, here)
    return worker


async def learn(engine: Engine, here: Engine) -> None:
    await publish_rows(engine)
    await here.refresh()


async def answered(worker: FakeWorker, result: Any) -> Answer:
    """Ask the calling engine, and have the worker answer."""
    number = len(worker.invocations) + 1
    asking = asyncio.ensure_future(ask("GET", "/orders/7"))
    *_, call = await worker.transport.receive("invokefunction", number)
    await worker.answer(call, result=result)
    return await asking


async def test_a_request_reaches_the_route_of_a_worker_elsewhere(
    here: Engine, there: Engine, offer: Offer
) -> None:
    worker = await routed(there, here, offer)
    answer = await answered(worker, {"n": 1})
    assert (answer.status, answer.json()) == (200, {"n": 1})
    [call] = worker.transport.of_type("invokefunction")
    assert call["data"]["path_params"] == {"id": "7"}


async def test_a_route_goes_with_its_trigger(here: Engine, there: Engine, offer: Offer) -> None:
    worker = await routed(there, here, offer)
    await worker.send("unregistertrigger", id="t")
    await learn(there, here)
    assert is_error(await ask("GET", "/orders/7"), 404, "NOT_FOUND")


async def test_a_route_goes_with_its_worker(here: Engine, there: Engine, offer: Offer) -> None:
    worker = await routed(there, here, offer)
    await there.disconnect(worker.connection)
    await learn(there, here)
    assert is_error(await ask("GET", "/orders/7"), 404, "NOT_FOUND")


async def test_a_route_goes_with_its_node(here: Engine, there: Engine, offer: Offer) -> None:
    await routed(there, here, offer)
    await there.database.run(there.node.leave)
    await here.refresh()
    assert is_error(await ask("GET", "/orders/7"), 404, "NOT_FOUND")


async def test_the_newest_route_serves_in_every_process(
    here: Engine, there: Engine, offer: Offer
) -> None:
    await routed(there, here, offer)
    newest = await routed(here, here, offer, trigger_id="newer")
    # The other worker says something else of itself: its triggers are read once more.
    await offer(there, "more")
    assert (await answered(newest, "newest")).json() == "newest"


async def test_a_worker_that_comes_here_has_its_route_at_once(
    here: Engine, there: Engine, offer: Offer
) -> None:
    """Its old node may not know yet that it is gone, and SDKs keep the ids of their triggers."""
    await routed(there, here, offer)
    moved = await routed(here, here, offer)
    assert (await answered(moved, "here")).json() == "here"
    await there.stop()
    await here.refresh()
    assert (await answered(moved, "here")).status == 200


async def test_a_trigger_of_the_site_wins(here: Engine, there: Engine, offer: Offer) -> None:
    await routed(there, here, offer)
    near = await offer(here, "near")
    own = Trigger(id="own", trigger_type="http", function_id="near", config=ROUTE, source="code")
    await here.triggers.register(own)
    assert (await answered(near, "site")).json() == "site"


async def test_a_firing_runs_the_triggers_of_workers_elsewhere(
    here: Engine, there: Engine, offer: Offer
) -> None:
    type_ = TriggerType(type_id="user.created", source=TriggerType.Source.ADMIN)
    await here.database.run(type_.save)
    await here.refresh()
    await there.refresh()
    worker = await offer(there, "f")
    await worker.bind("t", "user.created", function_id="f")
    await learn(there, here)
    assert await afire_triggers("user.created", {"name": "Ada"}) == 1
    [call] = await worker.transport.receive("invokefunction")
    assert call["data"] == {"name": "Ada"}


async def test_a_trigger_is_listed_once(here: Engine, there: Engine, offer: Offer) -> None:
    await routed(there, here, offer)
    asker = await offer(here)
    answer = await asker.call("engine::registered-triggers::list", {})
    assert [row["id"] for row in answer["result"]["registered_triggers"]].count("t") == 1


@pytest.mark.parametrize("type_id", ["subscribe", "queue", "state"])
async def test_types_with_a_way_of_their_own_are_left_alone(
    here: Engine, there: Engine, offer: Offer, type_id: str
) -> None:
    worker = await offer(there, "f")
    await worker.bind("t", type_id, function_id="f", config={"topic": "x"})
    await learn(there, here)
    assert [entry.trigger.id for entry in here.triggers.entries() if entry.trigger.node_id] == []


async def test_a_worker_provides_a_type_for_workers_elsewhere(
    here: Engine, there: Engine, offer: Offer
) -> None:
    provider = await offer(here)
    await provider.send("registertriggertype", id="webhook", description="")
    owner = await offer(there, "f")
    await owner.bind("t", "webhook", function_id="f", config={"url": "/x"})
    await learn(there, here)
    [handed] = await provider.transport.receive("registertrigger")
    assert (handed["id"], handed["config"]) == ("t", {"url": "/x"})
    calling = asyncio.ensure_future(provider.call("f", {"n": 1}))
    [call] = await owner.transport.receive("invokefunction")
    await owner.answer(call, result="heard")
    assert (await calling)["result"] == "heard"
    await owner.send("unregistertrigger", id="t")
    await learn(there, here)
    assert [frame["id"] for frame in provider.transport.of_type("unregistertrigger")] == ["t"]


async def test_a_provider_that_comes_later_gets_what_waits_elsewhere(
    here: Engine, there: Engine, offer: Offer
) -> None:
    owner = await offer(there, "f")
    await owner.bind("t", "webhook", function_id="f")
    await learn(there, here)
    provider = await offer(here)
    await provider.send("registertriggertype", id="webhook", description="")
    assert [frame["id"] for frame in await provider.transport.receive("registertrigger")] == ["t"]


async def test_a_provider_near_the_owner_goes_first(
    here: Engine, there: Engine, offer: Offer
) -> None:
    near, far = await offer(there), await offer(here)
    for provider in (near, far):
        await provider.send("registertriggertype", id="webhook", description="")
    owner = await offer(there, "f")
    await owner.bind("t", "webhook", function_id="f")
    await learn(there, here)
    assert len(near.transport.of_type("registertrigger")) == 1
    assert far.transport.of_type("registertrigger") == []


async def test_two_looks_at_once_leave_nothing_behind(
    here: Engine, there: Engine, offer: Offer
) -> None:
    worker = await offer(there, "f")
    lock = here.triggers._lock

    async def one_waits() -> bool:
        return bool(lock._waiters)

    for id_ in ("first", "second"):
        await worker.bind(id_, "http", config={"api_path": id_, "http_method": "GET"})
    await publish_rows(there)
    async with lock:
        early = asyncio.create_task(here.network.reload(None))
        await eventually(one_waits)
        await worker.send("unregistertrigger", id="second")
        await publish_rows(there)
        late = asyncio.create_task(here.network.reload(None))
        await asyncio.sleep(0)
        await here.database.run(lambda: None)
    await asyncio.gather(early, late)
    remote = [entry.trigger.id for entry in here.triggers.entries() if entry.trigger.node_id]
    assert remote == ["first"]


async def test_a_route_that_was_taken_here_serves_when_it_is_free(
    here: Engine, there: Engine, offer: Offer
) -> None:
    """Two versions of a worker meet: the old one stands in the way for as long as it is there."""
    old = await offer(here, "f")
    await old.bind("old", "http", config={"api_path": "orders/:order", "http_method": "GET"})
    worker = await routed(there, here, offer)
    await old.leave()
    await here.network.check()
    assert (await answered(worker, "free")).json() == "free"
    await worker.send("unregistertrigger", id="t")
    await learn(there, here)
    await here.network.check()
    assert is_error(await ask("GET", "/orders/7"), 404, "NOT_FOUND")


async def test_a_route_that_is_taken_here_is_not_waited_for_when_it_is_gone(
    here: Engine, there: Engine, offer: Offer
) -> None:
    old = await offer(here, "f")
    await old.bind("old", "http", config={"api_path": "orders/:order", "http_method": "GET"})
    await routed(there, here, offer)
    await there.stop()
    await here.refresh()
    await old.leave()
    await here.network.check()
    assert is_error(await ask("GET", "/orders/7"), 404, "NOT_FOUND")
