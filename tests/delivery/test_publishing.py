"""Publishing from an event loop: what comes together shares a transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from iii_triggers.delivery import publishing
from iii_triggers.delivery.calls import EnqueueError, QueuedCall
from iii_triggers.delivery.publishing import apublish
from iii_triggers.delivery.subscriptions import Wish, subscribe
from iii_triggers.delivery.topics import Message, TopicNotSet
from iii_triggers.engine.core import Engine
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Delivery
from iii_triggers.protocol.errors import InvalidArguments
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

from .conftest import Messages

Connect = Callable[..., Awaitable[FakeWorker]]


def message(data: Any = None, topic: str = "orders", **facts: Any) -> Message:
    return Message(topic=topic, data=Payload.of(data), **facts)


def call(data: Any = None, function_id: str = "g", **facts: Any) -> QueuedCall:
    return QueuedCall(function_id=function_id, data=Payload.of(data), **facts)


def payloads() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("payload", flat=True))


@pytest.fixture
def gate(messages: Messages, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Holds back the first batch, so that what comes meanwhile makes the second."""
    gate, write = threading.Event(), publishing.publications._work

    def wait(units: Any) -> Any:
        assert gate.wait(10)
        return write(units)

    monkeypatch.setattr(publishing.publications, "_work", wait)
    return gate


async def test_answers_once_it_is_committed(messages: Messages) -> None:
    (delivery_id,) = await apublish(message(1))
    assert (await in_thread(Delivery.objects.get)).pk == delivery_id


async def test_what_comes_together_keeps_its_order(messages: Messages, gate: Any) -> None:
    first = asyncio.create_task(apublish(message(0)))
    await asyncio.sleep(0)
    others = [asyncio.create_task(apublish(message(number))) for number in range(1, 9)]
    await asyncio.sleep(0)
    gate.set()
    ids = [id_ for of_one in await asyncio.gather(first, *others) for id_ in of_one]
    assert await in_thread(payloads) == [str(number) for number in range(9)]
    assert ids == sorted(ids, key=str)


def test_messages_and_calls_of_one_batch_get_their_own_ids(messages: Messages) -> None:
    subscribe(Wish(identity="i", topic="orders", function_id="f", namespace="d", trigger_id="t"))
    subscribe(Wish(identity="j", topic="orders", function_id="h", namespace="d", trigger_id="u"))
    units: list[publishing.Unit] = [message(1), call(2), message(3), call(4)]
    ids = publishing._write(units)
    assert [len(of_one) for of_one in ids] == [2, 1, 2, 1]
    for unit, of_one in zip(units, ids, strict=True):
        rows = Delivery.objects.filter(pk__in=of_one)
        assert {row.payload for row in rows} == {unit.data.json().decode()}
        assert {row.trigger_type for row in rows} == {"queue" if len(of_one) == 2 else ""}


def test_a_batch_costs_the_same_however_many_come(messages: Messages) -> None:
    counts = []
    for size in (1, 20):
        publishing._write([message(), call()])
        with CaptureQueriesContext(connection) as captured:
            publishing._write([*[message(n) for n in range(size)], *[call()] * size])
        counts.append(len(captured))
    assert counts[0] == counts[1]


async def test_one_that_the_database_refuses_fails_alone(
    messages: Messages, gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = publishing.publications._work

    def refuse(units: Any) -> Any:
        if any(unit.data.json() == b'"bad"' for unit in units):
            raise ValueError("refused")
        return write(units)

    monkeypatch.setattr(publishing.publications, "_work", refuse)
    tasks = [asyncio.create_task(apublish(message(data))) for data in (0, 1, "bad", 3)]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, ValueError) for result in results] == [False, False, True, False]
    assert await in_thread(payloads) == ["0", "1", "3"]


async def test_who_is_cancelled_spoils_nothing_for_the_others(
    messages: Messages, gate: Any
) -> None:
    first, second, third = (asyncio.create_task(apublish(message(n))) for n in range(3))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(first, third)
    with pytest.raises(asyncio.CancelledError):
        await second
    assert await apublish(message(9))


async def test_a_database_that_is_away_is_the_error_of_the_publisher(
    messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(units: Any) -> Any:
        raise OperationalError("away")

    monkeypatch.setattr(publishing.publications, "_work", fail)
    with pytest.raises(OperationalError):
        await apublish(message(1))


@pytest.mark.parametrize(
    ("unit", "error"),
    [
        (message(topic=""), TopicNotSet),
        (call(queue="nowhere"), EnqueueError),
        (call(function_id=""), InvalidArguments),
    ],
)
async def test_what_is_wrong_is_refused_before_anything_is_written(
    messages: Messages, unit: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await apublish(unit)
    assert await in_thread(Delivery.objects.count) == 0


async def test_what_a_worker_just_registered_is_there(
    messages: Messages, engine: Engine, connect: Connect
) -> None:
    worker = await connect("f")
    await worker.bind("t", "queue", config={"topic": "orders"})
    await apublish(message(1), engine=engine)
    row = await in_thread(Delivery.objects.get)
    assert (row.function_id, row.waits_for) == ("f", "")
