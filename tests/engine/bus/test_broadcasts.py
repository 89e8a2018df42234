"""What a node tells all others comes to each of them once and in order, or is known to be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import count

import pytest
from msgspec.msgpack import encode

from iii_triggers import apublish
from iii_triggers.engine import broadcasts
from iii_triggers.engine.broadcasts import Told
from iii_triggers.engine.bus_messages import Broadcast
from iii_triggers.engine.core import Engine
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer
from tests.support.workers import FakeWorker

from .test_nodes_come_and_go import die
from .test_remote_publish import heard, subscribed

Offer = Callable[..., Awaitable[FakeWorker]]

SHORT_S = 0.02


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are told again, and asked for, quickly."""
    monkeypatch.setattr(broadcasts, "TELL_NEWEST_S", SHORT_S)
    monkeypatch.setattr(broadcasts, "ASK_S", SHORT_S)


@pytest.fixture
def missed(there: Engine) -> Iterator[list[str]]:
    """The ids of nodes of which the engine elsewhere missed something."""
    ids: list[str] = []
    there.network.on_missed.append(ids.append)
    yield ids
    assert bool(ids) == bool(there.network.missed)


def lose(layer: FakeLayer, *positions: int, types: tuple[str, ...] = ("iii.publish",)) -> None:
    """Let the messages of these types with these positions get lost, the first is 1."""
    numbers = count(1)
    layer.loses = lambda item: item["type"] in types and next(numbers) in positions


def lose_all(layer: FakeLayer, *types: str) -> None:
    layer.loses = lambda item: item["type"] in types


async def publish(*numbers: int) -> None:
    """Publish, each in a message of its own."""
    for number in numbers:
        await apublish("news", number)
        await asyncio.sleep(0)


@pytest.mark.parametrize("lost", [(1,), (2,), (3,), (1, 3), (2, 3), (1, 2, 3), (2, 4)])
async def test_what_gets_lost_comes_later_in_order_and_once(
    here: Engine,
    there: Engine,
    offer: Offer,
    layer: FakeLayer,
    missed: list[str],
    lost: tuple[int, ...],
) -> None:
    far = await subscribed(there, offer)
    lose(layer, *lost)
    await publish(1, 2, 3, 4)
    assert await heard(far, 4) == [1, 2, 3, 4]
    await publish(5)
    assert await heard(far, 5) == [1, 2, 3, 4, 5]
    assert missed == []


async def test_the_request_may_get_lost_as_well(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, missed: list[str]
) -> None:
    far = await subscribed(there, offer)
    lose(layer, 1, 2, types=("iii.publish", "iii.repeat"))
    await publish(1)
    assert await heard(far) == [1]
    assert missed == []


async def test_every_node_gets_what_it_lost(
    here: Engine, there: Engine, third: Engine, offer: Offer, layer: FakeLayer
) -> None:
    workers = [await subscribed(engine, offer) for engine in (there, third)]
    # The first message to one of them, the second to the other.
    lose(layer, 1, 4)
    await publish(1, 2)
    assert [await heard(worker, 2) for worker in workers] == [[1, 2]] * 2


async def test_what_the_sender_does_not_keep_is_missed_and_told(
    here: Engine,
    there: Engine,
    offer: Offer,
    layer: FakeLayer,
    missed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    far = await subscribed(there, offer)
    monkeypatch.setattr(broadcasts, "KEEP", 2)
    lose_all(layer, "iii.publish", "iii.newest")
    await publish(1, 2, 3, 4)
    layer.loses = lambda item: False
    assert await heard(far, 2) == [3, 4]
    assert missed == [here.node.node_id]
    assert there.network.missed == 2
    assert "2 messages" in caplog.text
    await publish(5)
    assert await heard(far, 3) == [3, 4, 5]


async def test_a_sender_that_does_not_answer_is_waited_for_no_longer(
    here: Engine,
    there: Engine,
    offer: Offer,
    layer: FakeLayer,
    missed: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broadcasts, "ASKS", 2)
    far = await subscribed(there, offer)
    lost = iter([True])
    layer.loses = lambda item: (
        item["type"] == "iii.repeat" or (item["type"] == "iii.publish" and next(lost, False))
    )
    await publish(1, 2)
    assert await heard(far) == [2]
    assert there.network.missed == 1
    assert missed == [here.node.node_id]


async def test_so_many_wait_for_one_that_was_lost_and_no_more(
    here: Engine,
    there: Engine,
    offer: Offer,
    layer: FakeLayer,
    missed: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broadcasts, "MAX_HELD", 2)
    monkeypatch.setattr(broadcasts, "ASK_S", 60)
    far = await subscribed(there, offer)
    lost = iter([True])
    layer.loses = lambda item: (
        item["type"] == "iii.repeat" or (item["type"] == "iii.publish" and next(lost, False))
    )
    await publish(1, 2, 3, 4)
    assert await heard(far, 3) == [2, 3, 4]
    assert there.network.missed == 1


async def test_what_a_node_lost_is_missed_when_its_sender_is_gone(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, missed: list[str]
) -> None:
    far = await subscribed(there, offer)
    lost = iter([True])
    layer.loses = lambda item: (
        item["type"] == "iii.repeat" or (item["type"] == "iii.publish" and next(lost, False))
    )
    await publish(1, 2)
    await layer.delivered("iii.publish")
    await die(here, seen_by=there)
    assert await heard(far) == [2]
    assert missed == [here.node.node_id]


async def test_what_comes_late_from_a_node_that_is_gone_leaves_nothing_behind(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    far = await subscribed(there, offer)
    await publish(1)
    await heard(far)
    late = layer.of_type("iii.publish")[0]
    await die(here, seen_by=there)
    await layer.send(there.node.channel, {"type": "iii.batch", "items": [encode(late)]})
    assert await heard(far, 2) == [1, 1]
    await there.network.check()
    assert here.node.node_id not in there.network._broadcasts.senders()


async def test_a_node_that_comes_later_misses_nothing(
    here: Engine, there: Engine, layer: FakeLayer
) -> None:
    await publish(1, 2)
    newcomer = Engine(site=here.site, make_layer=lambda: layer)
    await newcomer.start()
    try:
        await newcomer.network.met()
        worker = FakeWorker(newcomer)
        await worker.offer("f")
        await worker.bind("t", "subscribe", config={"topic": "news"})
        await publish(3)
        assert await heard(worker) == [3]
        assert newcomer.network.missed == 0
        assert layer.of_type("iii.repeat") == []
    finally:
        await newcomer.stop()


async def test_a_heartbeat_tells_what_the_reminder_could_not(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    far = await subscribed(there, offer)
    lose_all(layer, "iii.publish", "iii.newest")
    await publish(1)
    here.network._broadcasts.remind()
    await asyncio.sleep(0)
    layer.loses = lambda item: False
    await here.network.check()
    assert await heard(far) == [1]


async def test_one_that_cannot_be_handled_does_not_hold_up_the_next(
    here: Engine, there: Engine, layer: FakeLayer, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[int] = []

    def handle(message: Number) -> None:
        if message.value == 2:
            raise ValueError("not this one")
        got.append(message.value)

    there.network.bus.on(Number, handle)
    lose(layer, 1, types=("test.number",))
    for value in (1, 2, 3):
        here.network.broadcast(Number(id="x", value=value))

    async def all_there() -> bool:
        return len(got) == 2

    await eventually(all_there)
    assert got == [1, 3]
    assert "could not be handled" in caplog.text


def test_a_node_keeps_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "KEEP_BYTES", 10)
    told = Told()
    for _ in range(4):
        told.add(Text(id="x", data=b"1234"))
    assert told.oldest == 3
    assert [message.number for message in told.between(1, 3)] == [3]
    told.add(Text(id="x", data=b"12345678901"))
    assert told.oldest == 6


class Number(Broadcast, tag="test.number"):
    """A message of the tests."""

    value: int


class Text(Broadcast, tag="test.text"):
    """A message of the tests with data."""

    data: bytes
