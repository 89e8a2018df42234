"""Cron triggers that workers register: their rows, what is refused, and their end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from iii_triggers.engine.core import Engine
from iii_triggers.models import Delivery, Trigger
from iii_triggers.trigger_types.cron.firing import fire_due
from tests.delivery.conftest import Messages
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]

EVERY_SECOND = {"expression": "* * * * * *"}


async def rows(engine: Engine) -> list[Trigger]:
    return await engine.database.run(lambda: list(Trigger.objects.order_by("trigger_id")))


async def fire(engine: Engine) -> int:
    """Let a slot be due in every row, and fire it."""

    def work() -> int:
        slot = timezone.now().replace(microsecond=0) - timedelta(seconds=1)
        Trigger.objects.filter(next_fire_at__isnull=False).update(next_fire_at=slot)
        return fire_due(slot)

    return await engine.database.run(work)


async def test_the_trigger_of_a_worker_fires(
    messages: Messages, engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await worker.bind("w", "cron", config=EVERY_SECOND, metadata={"team": "blue"})
    await flush()
    (row,) = await rows(engine)
    assert (row.state, row.next_fire_at is not None) == ("active", True)
    assert await fire(engine) == 1
    delivery: Any = await engine.database.run(Delivery.objects.get)
    assert (delivery.trigger_id, delivery.metadata) == ("w", {"team": "blue"})


async def test_a_second_write_of_the_row_keeps_the_slot(
    messages: Messages, engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await worker.bind("w", "cron", config={"schedule": "0 0 1 1 *"})
    await flush()
    (before,) = await rows(engine)
    await worker.bind("w", "cron", config={"schedule": "0 0 1 1 *"}, metadata={"new": 1})
    await flush()
    (after,) = await rows(engine)
    assert (after.metadata, after.next_fire_at) == ({"new": 1}, before.next_fire_at)


async def test_replicas_fire_once(
    messages: Messages, engine: Engine, connect: Connect, flush: Flush
) -> None:
    for name in ("one", "two"):
        worker = await connect("f")
        await worker.bind(name, "cron", config=EVERY_SECOND)
    await flush()
    assert len(await rows(engine)) == 2
    assert await fire(engine) == 1


async def test_a_bad_expression_is_told_to_the_worker(
    messages: Messages, engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await worker.bind("w", "cron", config={"expression": "every day"})
    (answer,) = await worker.transport.receive("triggerregistrationresult")
    assert answer["error"]["message"].startswith("Invalid cron expression 'every day': ")
    await worker.bind("v", "cron", config=None)
    answer = (await worker.transport.receive("triggerregistrationresult", 2))[1]
    assert answer["error"]["message"] == "Cron expression is required"
    await flush()
    assert [row.next_fire_at for row in await rows(engine)] == [None] * len(await rows(engine))
    assert await fire(engine) == 0


async def test_a_worker_that_unregisters_or_goes_stops_it(
    messages: Messages, engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await worker.bind("a", "cron", config=EVERY_SECOND)
    await worker.bind("b", "cron", config=EVERY_SECOND)
    await flush()
    await worker.send("unregistertrigger", id="a")
    await flush()
    assert [row.trigger_id for row in await rows(engine)] == ["b"]
    await worker.leave()
    await flush()
    assert await rows(engine) == []
    assert await fire(engine) == 0
