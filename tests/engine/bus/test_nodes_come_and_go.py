"""Which nodes there are, and what becomes of calls when one goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine import nodes, remote_calls
from iii_triggers.engine.core import Engine
from iii_triggers.engine.functions import LocalFunction, Offer
from iii_triggers.engine.remote_functions import RemoteOffer
from iii_triggers.models import Change, Node
from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    EngineNotRunning,
    FunctionNotFound,
    InvocationStopped,
)
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer
from tests.support.site import declare
from tests.support.workers import FakeWorker

from .calling import asked, start
from .conftest import publish_rows

Connect = Callable[..., Awaitable[FakeWorker]]


def found(engine: Engine, function_id: str = "f") -> Any:
    return engine.functions.find("default", function_id)


async def die(engine: Engine, *, seen_by: Engine) -> None:
    """Let a node vanish as if its process was killed, and another see it."""
    await engine.network.bus.close()
    await engine.database.run(engine.node.leave)
    await seen_by.refresh()


async def test_nodes_know_each_other_by_their_channels(here: Engine, there: Engine) -> None:
    await here.refresh()
    for one, other in ((here, there), (there, here)):
        known = [(node.node_id, node.channel) for node in one.network.functions.nodes()]
        assert known == [(other.node.node_id, other.node.channel)]


async def test_a_worker_here_comes_first_then_elsewhere_then_the_site(
    here: Engine, there: Engine, offer: Connect
) -> None:
    here.functions.add_local(declare(here.site, "f", print))
    assert isinstance(found(here), LocalFunction)
    far = await offer(there, "f")
    assert isinstance(found(here), RemoteOffer)
    near = await offer(here, "f")
    assert isinstance(found(here), Offer)
    await near.leave()
    assert isinstance(found(here), RemoteOffer)
    await far.leave()
    await publish_rows(there)
    await here.refresh()
    assert isinstance(found(here), LocalFunction)


async def test_a_worker_elsewhere_cannot_take_over_what_the_engine_has(
    here: Engine, there: Engine, offer: Connect
) -> None:
    await offer(there, "engine::functions::list", "engine::mine")
    assert isinstance(found(here, "engine::functions::list"), LocalFunction)
    assert isinstance(found(here, "engine::mine"), RemoteOffer)


async def test_a_function_of_another_namespace_is_named(
    here: Engine, there: Engine, offer: Connect
) -> None:
    await offer(there, "f")
    with pytest.raises(FunctionNotFound, match=r"registered in namespace\(s\): default"):
        await start(here, namespace="tenant")


async def test_calls_are_spread_over_nodes(
    here: Engine, there: Engine, third: Engine, offer: Connect
) -> None:
    workers = [await offer(there, "f"), await offer(third, "f")]
    calls = [start(here) for _ in range(4)]
    for worker in workers:
        for number in (1, 2):
            await worker.answer(await asked(worker, number), result=1)
    assert await asyncio.gather(*calls) == [1] * 4


async def test_a_node_that_cannot_be_reached_is_not_asked_twice(
    here: Engine,
    there: Engine,
    third: Engine,
    offer: Connect,
    layer: FakeLayer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_calls, "REPEAT_S", 0.01)
    monkeypatch.setattr(remote_calls, "FIRST_SIGN_S", 0.03)
    await offer(there, "f")
    worker = await offer(third, "f")
    await there.network.bus.close()
    for number in (1, 2, 3):
        call = start(here, number)
        await worker.answer(await asked(worker, number), result=number)
        assert await call == number
    # The silent node was asked once, told to forget it, and then left alone.
    sent = [item for item in layer.sent if item["type"] in ("iii.call", "iii.forget")]
    assert sum(item["type"] == "iii.forget" for item in sent) == 1
    await third.network.bus.close()
    with pytest.raises(ChannelSendFailed):
        await start(here)
    assert len(layer.of_type("iii.forget")) >= 2


async def test_the_site_runs_what_no_node_can(
    here: Engine, there: Engine, offer: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_calls, "REPEAT_S", 0.01)
    monkeypatch.setattr(remote_calls, "FIRST_SIGN_S", 0.02)
    here.functions.add_local(declare(here.site, "f", lambda data: "site"))
    await offer(there, "f")
    await there.network.bus.close()
    assert await start(here) == "site"


async def test_a_call_that_was_not_taken_fails_when_the_node_goes(
    here: Engine, there: Engine, offer: Connect
) -> None:
    await offer(there, "f")
    await there.network.bus.close()
    call = start(here)
    await asyncio.sleep(0)
    await die(there, seen_by=here)
    with pytest.raises(ChannelSendFailed, match="gone"):
        await call


async def test_a_call_that_runs_is_stopped_when_the_node_goes(
    here: Engine,
    there: Engine,
    offer: Connect,
    layer: FakeLayer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_calls, "GONE_S", 0.01)
    worker = await offer(there, "f")
    call = start(here)
    await asked(worker)
    invocation_id = layer.of_type("iii.call")[0]["id"]
    there.network.bus.send(here.node.channel, remote_calls.RunningMessage(id=invocation_id))
    await layer.delivered("iii.running")
    await asyncio.sleep(0)
    await die(there, seen_by=here)
    with pytest.raises(InvocationStopped):
        await call
    assert found(here) is None


async def told(node: Engine) -> None:
    """Return once a node has written that it stops."""
    rows = Node.objects.filter(pk=node.node.node_id, draining_since__isnull=False)
    await eventually(lambda: node.database.run(rows.exists))


async def test_a_stopping_node_is_called_for_what_nobody_else_does(
    here: Engine, there: Engine, third: Engine, offer: Connect
) -> None:
    worker = await offer(there, "f")
    running = start(here)
    await asked(worker)
    with override_settings(III_SHUTDOWN_GRACE_S=5):
        stopping = asyncio.create_task(there.drain())
        await told(there)
    await here.refresh()
    late = start(here)
    await worker.answer(await asked(worker, 2), result=2)
    assert await late == 2
    other = await offer(third, "f")
    call = start(here)
    await other.answer(await asked(other), result=3)
    assert await call == 3
    await worker.answer(worker.invocations[0], result=1)
    assert await running == 1
    await stopping


async def test_a_call_that_comes_after_the_workers_went_is_passed_on(
    here: Engine, there: Engine, third: Engine, offer: Connect
) -> None:
    leaving, staying = await offer(there, "f"), await offer(third, "f")
    await there.drain()
    assert leaving.transport.close_code == 1012
    for number in (1, 2):
        call = start(here)
        await staying.answer(await asked(staying, number), result=number)
        assert await call == number


async def test_the_last_outcomes_of_a_stopping_node_arrive(
    here: Engine, there: Engine, offer: Connect
) -> None:
    worker = await offer(there, "f")
    call = start(here)
    await asked(worker)
    await there.stop()
    with pytest.raises(InvocationStopped):
        await call
    await here.refresh()
    assert here.network.functions.nodes() == []
    with pytest.raises(EngineNotRunning):
        there.connect(worker.transport, ip="")


async def test_a_node_that_is_gone_is_told_no_outcome(
    here: Engine, there: Engine, offer: Connect, layer: FakeLayer
) -> None:
    worker = await offer(there, "f")
    await there.refresh()
    call = start(here)
    invocation = await asked(worker)
    await die(here, seen_by=there)
    await worker.answer(invocation, result=1)
    assert there.invoker.in_flight == 0
    assert layer.of_type("iii.result") == []
    call.cancel()


async def test_the_newest_offer_is_called_if_the_site_wants_it(
    here: Engine, there: Engine, third: Engine, offer: Connect
) -> None:
    await offer(there, "f")
    await offer(third, "f")
    with override_settings(III_FUNCTION_CONFLICT="newest"):
        assert [found(here).node.node_id for _ in range(3)] == [third.node.node_id] * 3


async def test_a_dead_node_is_swept_and_forgotten(
    here: Engine, there: Engine, offer: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offer(there, "f")
    monkeypatch.setattr(nodes, "_lives", lambda node, *, late: node.pk != there.node.node_id)
    await here.database.run(here.node.sweep)
    await here.refresh()
    assert found(here) is None


async def test_a_node_whose_row_was_swept_comes_back(
    here: Engine, there: Engine, offer: Connect
) -> None:
    await offer(there, "f")
    await here.database.run(Node.objects.filter(pk=there.node.node_id).delete)
    await here.network.check()
    assert found(here) is None
    await there._beat()
    await publish_rows(there)
    await here.refresh()
    assert isinstance(found(here), RemoteOffer)


async def test_a_heartbeat_finds_a_node_without_a_change(here: Engine) -> None:
    row = await here.database.run(Node.objects.get)
    row.pk, row.channel = "other", "elsewhere"
    await here.database.run(partial(row.save, force_insert=True))
    await here.network.check()
    assert [node.channel for node in here.network.functions.nodes()] == ["elsewhere"]
    rows = Node.objects.filter(pk="other")
    await here.database.run(partial(rows.update, channel="moved"))
    await here.network.check()
    assert [node.channel for node in here.network.functions.nodes()] == ["moved"]


async def test_a_batch_of_offers_is_one_change(here: Engine, there: Engine) -> None:
    worker = FakeWorker(there)
    await worker.introduce()
    await worker.offer(*(f"f{number}" for number in range(20)))
    revision = await here.database.run(Change.objects.all().newest_revision)
    await publish_rows(there)
    changes = await here.database.run(Change.objects.since, revision)
    assert [(change.kind, change.key) for change in changes] == [("function", there.node.node_id)]


async def test_callers_of_refresh_share_one_look(
    here: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    poll = type(here.sync).poll

    async def counted(self: Any) -> int:
        nonlocal looks
        looks += 1
        return await poll(self)

    monkeypatch.setattr(type(here.sync), "poll", counted)
    await asyncio.gather(*(here.refresh() for _ in range(50)))
    # One that began before the others asked is not fresh enough for them.
    assert looks <= 2


async def test_a_refresh_that_fails_is_tried_again_by_the_next(
    here: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: Any) -> int:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(type(here.sync), "poll", fail)
        outcomes = await asyncio.gather(here.refresh(), here.refresh(), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 2
    await here.refresh()
