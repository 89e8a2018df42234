"""Messages that cross the border of a process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers import apublish
from iii_triggers.engine import outbox
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import IiiError
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer
from tests.support.site import declare
from tests.support.workers import FakeWorker

Offer = Callable[..., Awaitable[FakeWorker]]


async def subscribed(engine: Engine, offer: Offer) -> FakeWorker:
    worker = await offer(engine, f"f-{len(engine.connections)}-{engine.node.node_id}")
    await worker.bind(
        f"t-{worker.id}",
        "subscribe",
        function_id=next(iter(worker.connection.function_ids)),
        config={"topic": "news"},
    )
    return worker


async def heard(worker: FakeWorker, number: int = 1) -> list[Any]:
    frames = await worker.transport.receive("invokefunction", number)
    return [frame["data"] for frame in frames]


async def test_workers_of_every_process_get_a_message(
    here: Engine, there: Engine, offer: Offer
) -> None:
    near, far = await subscribed(here, offer), await subscribed(there, offer)
    await apublish("news", {"n": 1})
    assert await heard(near) == await heard(far) == [{"n": 1}]


async def test_a_worker_publishes_to_other_processes(
    here: Engine, there: Engine, offer: Offer
) -> None:
    far, publisher = await subscribed(there, offer), await offer(here)
    await publisher.call("publish", {"topic": "news", "data": None})
    assert await heard(far) == [None]


async def test_the_site_hears_a_message_once(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    messages: list[Any] = []
    for engine in (here, there):
        info = declare(SiteFunctions(), "site", messages.append)
        engine.functions.add_local(info)
        await engine.triggers.register(
            Trigger(
                id="site",
                trigger_type="subscribe",
                function_id="site",
                config={"topic": "news"},
                source="code",
            )
        )
    far = await subscribed(there, offer)
    await apublish("news", 1)
    await heard(far)

    async def arrived() -> bool:
        return bool(messages)

    await eventually(arrived)
    assert messages == [1]


async def test_a_message_that_comes_twice_is_heard_once(
    here: Engine, there: Engine, offer: Offer, layer: FakeLayer
) -> None:
    far = await subscribed(there, offer)
    layer.doubles = True
    await apublish("news", 1)
    await apublish("news", 2)
    assert await heard(far, 2) == [1, 2]


async def test_a_topic_is_needed(here: Engine) -> None:
    with pytest.raises(IiiError, match="Topic is not set"):
        await apublish("", 1)


async def test_a_message_that_cannot_be_sent_comes_later(
    here: Engine,
    there: Engine,
    offer: Offer,
    layer: FakeLayer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    near, far = await subscribed(here, offer), await subscribed(there, offer)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "MAX_WAITING", 0)
        await apublish("news", 1)
        assert await heard(near) == [1]
    await apublish("news", 2)
    assert await heard(far, 2) == [1, 2]
