"""Calls are spread over the workers of all nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from iii_triggers.engine import functions
from iii_triggers.engine.core import Engine
from iii_triggers.engine.functions import Offer as LocalOffer
from iii_triggers.engine.remote_functions import RemoteOffer
from iii_triggers.engine.remote_load import RemoteLoad
from tests.support.eventually import eventually
from tests.support.workers import FakeWorker

from .calling import asked, start
from .conftest import publish_rows
from .test_nodes_come_and_go import found

Offer = Callable[..., Awaitable[FakeWorker]]


async def offers(number: int, engine: Engine, offer: Offer) -> list[FakeWorker]:
    return [await offer(engine, "f") for _ in range(number)]


def got(workers: list[FakeWorker]) -> int:
    return sum(len(worker.invocations) for worker in workers)


async def answer_everything(workers: list[FakeWorker], calls: list[asyncio.Task[object]]) -> None:
    """Answer whatever comes until the calls are done."""
    answered: set[str] = set()
    while not all(call.done() for call in calls):
        for worker in workers:
            for frame in worker.invocations:
                if frame["invocation_id"] not in answered:
                    answered.add(frame["invocation_id"])
                    await worker.answer(frame, result=1)
        await asyncio.sleep(0)
    await asyncio.gather(*calls)


async def test_one_call_after_another_is_shared_by_the_number_of_workers(
    here: Engine, there: Engine, third: Engine, offer: Offer
) -> None:
    many, one = await offers(3, there, offer), await offers(1, third, offer)
    for _ in range(12):
        await answer_everything([*many, *one], [start(here)])
    assert (got(many), got(one)) == (9, 3)


async def test_calls_at_the_same_time_are_shared_by_the_number_of_workers(
    here: Engine, there: Engine, third: Engine, offer: Offer
) -> None:
    many, one = await offers(3, there, offer), await offers(1, third, offer)
    calls = [start(here) for _ in range(12)]
    for worker, number in ((many[0], 3), (many[1], 3), (many[2], 3), (one[0], 3)):
        await asked(worker, number)
    assert (got(many), got(one)) == (9, 3)
    await answer_everything([*many, *one], calls)
    assert {load.in_flight for load in loads(here)} == {0}


def loads(engine: Engine) -> list[RemoteLoad]:
    return [offer.load for offer in engine.functions.remote.offers_of(("default", "f"))]


async def test_a_worker_that_joins_or_leaves_changes_the_shares(
    here: Engine, there: Engine, third: Engine, offer: Offer
) -> None:
    first, second = await offer(there, "f"), await offer(third, "f")
    more = await offers(2, third, offer)
    assert sorted(load.workers for load in loads(here)) == [1, 3]
    for worker in more:
        await worker.leave()
    await publish_rows(third)
    await here.refresh()
    for _ in range(4):
        await answer_everything([first, second], [start(here)])
    assert (got([first]), got([second])) == (2, 2)


async def test_a_worker_here_that_keeps_up_gets_everything(
    here: Engine, there: Engine, offer: Offer
) -> None:
    near, far = await offer(here, "f"), await offer(there, "f")
    calls = [start(here) for _ in range(20)]
    await asked(near, 20)
    assert far.invocations == []
    await answer_everything([near], calls)


async def test_others_help_a_worker_here_that_falls_behind(
    here: Engine, there: Engine, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "KEEPS_UP_S", 0)
    near, far = await offer(here, "f"), await offer(there, "f")
    calls = [start(here) for _ in range(10)]
    await asked(near, 5)
    await asked(far, 4)
    await asyncio.sleep(0)
    assert abs(got([near]) - got([far])) <= functions.MARGIN
    assert got([near]) + got([far]) == 10
    await answer_everything([near, far], calls)


@pytest.mark.parametrize("state", ["is_silent", "is_draining"])
async def test_a_node_that_is_not_well_does_not_help(
    here: Engine, there: Engine, offer: Offer, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(functions, "KEEPS_UP_S", 0)
    near, _ = await offer(here, "f"), await offer(there, "f")
    calls = [start(here) for _ in range(2)]
    await asked(near, 2)
    assert isinstance(found(here), RemoteOffer)
    setattr(here.network.functions.nodes()[0], state, True)
    assert isinstance(found(here), LocalOffer)
    await answer_everything([near], calls)


async def test_a_node_that_others_keep_busy_is_spared(
    here: Engine, there: Engine, third: Engine, offer: Offer
) -> None:
    busy, idle = await offer(there, "f"), await offer(third, "f")
    theirs = [start(there) for _ in range(5)]
    await asked(busy, 5)
    ours = [start(here), start(here)]
    await asked(busy, 6)
    # With its answer the node tells that it has five others.
    await busy.answer(busy.invocations[5], result=1)
    await asyncio.wait(ours, return_when=asyncio.FIRST_COMPLETED)
    ours += [start(here) for _ in range(3)]
    await asked(idle, 4)
    assert got([busy]) == 6
    await answer_everything([busy, idle], [*ours, *theirs])


async def test_a_function_that_was_refused_is_found_again(
    here: Engine, there: Engine, third: Engine, offer: Offer
) -> None:
    worker, other = await offer(there, "f"), await offer(third, "f")
    worker.connection.draining = True
    await answer_everything([other], [start(here), start(here)])
    assert len(loads(here)) == 1
    worker.connection.draining = False
    await here.network.check()
    assert len(loads(here)) == 2


def test_one_that_was_passed_over_catches_up_with_one_turn() -> None:
    one, other = RemoteLoad(), RemoteLoad(workers=3)
    for _ in range(100):
        one.begin([one, other])
    taken = 0
    while other.turn < one.turn:
        other.begin([one, other])
        taken += 1
    assert taken in (3, 4)


async def test_a_node_that_answers_again_is_called_again(
    here: Engine, there: Engine, third: Engine
) -> None:
    await there.network.bus.close()
    gone, back = (here.network.functions.node(one.node.node_id) for one in (there, third))
    assert gone is not None
    assert back is not None
    gone.is_silent = back.is_silent = True
    await here.network.check()

    async def answered() -> bool:
        return not back.is_silent

    await eventually(answered)
    assert gone.is_silent
