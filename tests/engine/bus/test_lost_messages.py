"""The channel layer loses messages, delivers them twice, is full, or is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest
from django.db.models import Q
from msgspec.msgpack import encode

from iii_triggers.engine import bus, outbox, remote_calls, served_calls
from iii_triggers.engine.core import Engine
from iii_triggers.models import Node
from iii_triggers.protocol.errors import ChannelSendFailed, InvocationStopped
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer, Item
from tests.support.workers import FakeWorker

from .calling import asked, start
from .conftest import publish_rows

Offer = Callable[..., Awaitable[FakeWorker]]

SHORT_S = 0.05


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life, repetitions and limits follow each other quickly."""
    monkeypatch.setattr(remote_calls, "REPEAT_S", SHORT_S)
    monkeypatch.setattr(remote_calls, "FIRST_SIGN_S", 3 * SHORT_S)
    monkeypatch.setattr(remote_calls, "SILENCE_S", 5 * SHORT_S)
    monkeypatch.setattr(remote_calls, "GONE_S", SHORT_S)
    monkeypatch.setattr(remote_calls, "TAKEN_S", SHORT_S / 10)
    monkeypatch.setattr(served_calls, "FIRST_SIGN_S", SHORT_S)
    monkeypatch.setattr(served_calls, "SIGN_S", SHORT_S)
    monkeypatch.setattr(served_calls, "RESULT_PAUSES_S", (SHORT_S,) * 5)


def lose(layer: FakeLayer, type_: str, number: int = 10**9) -> None:
    """Let the next messages of a type get lost."""
    numbers = count()
    layer.loses = lambda item: item["type"] == type_ and next(numbers) < number


async def test_a_call_that_gets_lost_is_sent_again(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, impatient: None
) -> None:
    worker = await offer(there, "f")
    lose(layer, "iii.call", 1)
    call = start(here)
    await worker.answer(await asked(worker), result=1)
    assert await call == 1


async def test_a_call_without_a_sign_of_life_could_not_be_sent(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, impatient: None
) -> None:
    await offer(there, "f")
    lose(layer, "iii.call")
    with pytest.raises(ChannelSendFailed, match="did not answer"):
        await start(here)
    assert here.invoker.in_flight == 0


async def test_a_node_that_answers_others_is_asked_again(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, impatient: None
) -> None:
    """It has much to do: to pass the call on would be to run it twice, or to fail for nothing."""
    worker = await offer(there, "f", "g")
    other = start(here, function_id="g")
    invocation = await asked(worker)
    await layer.delivered("iii.running")
    lost = count()
    layer.loses = lambda item: item["type"] == "iii.call" and next(lost) < 4
    call = start(here)
    await worker.answer(await asked(worker, 2), result=1)
    assert await call == 1
    await worker.answer(invocation, result=2)
    assert await other == 2


async def test_a_call_that_takes_long_gives_signs_of_life(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, impatient: None
) -> None:
    worker = await offer(there, "f")
    call = start(here)
    invocation = await asked(worker)
    await layer.delivered("iii.running", 10)
    await worker.answer(invocation, result=1)
    assert await call == 1
    assert len(worker.invocations) == 1


async def test_a_call_stops_when_the_signs_of_life_do(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, impatient: None
) -> None:
    worker = await offer(there, "f")
    call = start(here)
    await asked(worker)
    await layer.delivered("iii.running")
    lose(layer, "iii.running")
    with pytest.raises(InvocationStopped):
        await call


async def test_a_result_that_gets_lost_is_sent_again(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, impatient: None
) -> None:
    worker = await offer(there, "f")
    lose(layer, "iii.result", 3)
    call = start(here)
    await worker.answer(await asked(worker), result=1)
    assert await call == 1


async def test_a_result_is_sent_until_it_is_acknowledged(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, impatient: None
) -> None:
    worker = await offer(there, "f")
    lose(layer, "iii.taken", 2)
    call = start(here)
    await worker.answer(await asked(worker), result=1)
    assert await call == 1
    await layer.delivered("iii.taken")
    assert len(layer.of_type("iii.result")) == 3


async def test_a_caller_that_never_acknowledges_is_given_up(
    here: Engine,
    there: Engine,
    offer: Offer,
    layer: FakeLayer,
    impatient: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = await offer(there, "f")
    lose(layer, "iii.taken")
    call = start(here)
    await worker.answer(await asked(worker), result=1)
    assert await call == 1

    async def given_up() -> bool:
        return "took no outcome" in caplog.text

    await eventually(given_up)


async def test_what_comes_twice_is_done_once(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    worker = await offer(there, "f")
    layer.doubles = True
    outcomes = []
    for number in range(3):
        call = start(here, number)
        await worker.answer(await asked(worker, number + 1), result=number)
        outcomes.append(await call)
    assert outcomes == [0, 1, 2]
    assert len(worker.invocations) == 3


async def test_a_call_waits_while_the_channel_is_full(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    worker = await offer(there, "f")
    layer.is_full = True
    call = start(here)
    await layer.refused.wait()
    layer.is_full = False
    await worker.answer(await asked(worker), result=1)
    assert await call == 1


async def test_a_channel_that_stays_full_is_an_error(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offer(there, "f")
    monkeypatch.setattr(remote_calls, "FIRST_SIGN_S", SHORT_S)
    monkeypatch.setattr(remote_calls, "REPEAT_S", 60)
    layer.is_full = True
    with pytest.raises(ChannelSendFailed, match="full"):
        await start(here)
    layer.is_full = False


async def test_too_many_waiting_messages_are_an_error(
    here: Engine, there: Engine, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offer(there, "f")
    monkeypatch.setattr(outbox, "MAX_WAITING", 0)
    with pytest.raises(ChannelSendFailed, match="wait"):
        await start(here)


async def test_a_layer_that_does_not_send_is_an_error(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offer(there, "f")
    monkeypatch.setattr(remote_calls, "FIRST_SIGN_S", SHORT_S)
    monkeypatch.setattr(remote_calls, "REPEAT_S", 60)
    layer.is_down = True
    with pytest.raises(ChannelSendFailed, match="no server"):
        await start(here)
    layer.is_down = False


async def test_a_reader_that_fails_reads_on(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "FIRST_PAUSE_S", 0.001)
    worker = await offer(there, "f")
    for engine in (here, there):
        layer.break_reader(engine.node.channel)
    call = start(here)
    await worker.answer(await asked(worker), result=1)
    assert await call == 1


async def test_a_reader_that_fails_and_fails_takes_another_channel(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(bus, "FAILURES_FOR_A_NEW_CHANNEL", 1)
    worker = await offer(there, "f")
    old = there.node.channel
    layer.break_reader(old)

    async def moved() -> bool:
        row = await here.database.run(Node.objects.get, Q(pk=there.node.node_id))
        return row.channel not in ("", old)

    await eventually(moved)
    await here.refresh()
    call = start(here)
    await worker.answer(await asked(worker), result=1)
    assert await call == 1


async def test_a_node_that_hears_nothing_connects_anew(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await offer(there, "f")
    for _ in range(2 * bus.PROBES):
        await there.network.check()
        await layer.delivered("iii.probe")
        await asyncio.sleep(0)
    assert "Nothing comes" not in caplog.text
    layer.deafen(there.node.channel)
    for _ in range(bus.PROBES + 1):
        await there.network.check()
    call = start(here)
    await worker.answer(await asked(worker), result=1)
    assert await call == 1
    assert "Nothing comes" in caplog.text


async def test_what_no_node_sends_is_left_alone(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await offer(there, "f")
    items: list[Item] = [{"type": "iii.of_the_future", "id": "1"}, {"type": "iii.call"}, {}]
    await layer.send(
        there.node.channel, {"type": "iii.batch", "items": [encode(item) for item in items]}
    )
    call = start(here)
    await worker.answer(await asked(worker), result=1)
    assert await call == 1
    assert "could not be handled" in caplog.text


async def test_an_engine_starts_without_the_layer(
    here: Engine,
    offer: Offer,
    layer: FakeLayer,
    monkeypatch: pytest.MonkeyPatch,
    site: Any,
) -> None:
    monkeypatch.setattr(bus, "FIRST_PAUSE_S", 0.001)
    layer.is_down = True
    late = Engine(site=site, make_layer=lambda: layer)
    await late.start()
    worker = await offer(late, "f")
    assert here.functions.find("default", "f") is None
    layer.is_down = False

    async def joined() -> bool:
        return bool(late.node.channel)

    await eventually(joined)
    await publish_rows(late)
    await here.refresh()
    call = start(here)
    await worker.answer(await asked(worker), result=1)
    assert await call == 1
    await late.stop()


async def test_a_node_without_a_channel_cannot_call(
    here: Engine, there: Engine, offer: Offer
) -> None:
    await offer(there, "f")
    here.network.bus.channel = ""
    with pytest.raises(ChannelSendFailed, match="away"):
        await start(here)
