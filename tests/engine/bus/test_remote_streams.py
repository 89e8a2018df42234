"""Streams across processes: clients and triggers of every node hear every event, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import DatabaseError

from iii_triggers import ainvoke
from iii_triggers.engine import network
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.trigger_types.stream import StreamTriggerType, presence
from iii_triggers.trigger_types.stream.client import StreamClient
from iii_triggers.trigger_types.stream.frames import decode
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer
from tests.support.site import declare
from tests.support.workers import FakeTransport, FakeWorker

from .conftest import publish_rows

Offer = Callable[..., Awaitable[FakeWorker]]

GROUP = {"stream_name": "todos", "group_id": "g"}


class Client:
    """A stream client of one engine."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        streams = engine.trigger_type("stream")
        assert isinstance(streams, StreamTriggerType)
        self.transport = FakeTransport()
        self.client = StreamClient(
            engine=engine, streams=streams, transport=self.transport, **options
        )

    async def join(self) -> None:
        data = {"subscriptionId": "s", "streamName": "todos", "groupId": "g"}
        await self.client.handle(decode(json.dumps({"type": "join", "data": data})))

    async def heard(self, number: int) -> list[dict[str, Any]]:
        frames = await self.transport.receive("stream", number)
        return [frame["event"] for frame in frames]


async def joined(engine: Engine) -> Client:
    client = Client(engine)
    await client.join()
    assert (await client.heard(1))[0]["type"] == "sync"
    return client


async def put(data: Any) -> None:
    await ainvoke("stream::set", {**GROUP, "item_id": "a", "data": data})


async def test_clients_of_every_node_hear_an_event(here: Engine, there: Engine) -> None:
    near, far = await joined(here), await joined(there)
    await put({"n": 1})
    created = {"type": "create", "data": {"n": 1}}
    assert (await near.heard(2))[1] == (await far.heard(2))[1] == created
    assert near.transport.frames[1] == far.transport.frames[1]


async def test_a_client_of_a_node_that_was_just_started_misses_nothing(
    here: Engine, layer: FakeLayer
) -> None:
    """The node that writes has not looked at the database since."""
    new = Engine(site=here.site, make_layer=lambda: layer)
    await new.start()
    try:
        far = await joined(new)
        await put(1)
        assert (await far.heard(2))[1] == {"type": "create", "data": 1}
    finally:
        await new.stop()


async def test_a_node_that_does_not_answer_delays_a_join_only_for_a_moment(
    here: Engine, layer: FakeLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "MEET_S", 0.05)
    layer.loses = lambda item: item["type"] == "iii.hello"
    new = Engine(site=here.site, make_layer=lambda: layer)
    await new.start()
    try:
        await joined(new)
    finally:
        await new.stop()


async def test_an_event_that_comes_twice_is_heard_once(
    here: Engine, there: Engine, layer: FakeLayer
) -> None:
    far = await joined(there)
    layer.doubles = True
    await put(1)
    await put(2)
    assert [event["data"] for event in (await far.heard(3))[1:]] == [1, 2]


async def test_an_event_without_an_item_crosses_too(here: Engine, there: Engine) -> None:
    far = await joined(there)
    await ainvoke("stream::send", {**GROUP, "type": "typing", "data": None})
    sent = {"type": "event", "event": {"type": "typing", "data": None}}
    assert (await far.heard(2))[1] == sent
    assert far.transport.frames[1]["id"] is None


async def test_each_trigger_fires_once(here: Engine, there: Engine, offer: Offer) -> None:
    events: list[Any] = []
    for engine in (here, there):
        engine.functions.add_local(declare(SiteFunctions(), "site", events.append))
        trigger = Trigger(
            id="site",
            trigger_type="stream",
            function_id="site",
            config={"stream_name": "todos"},
            source="code",
        )
        await engine.triggers.register(trigger)
    near, far = await offer(here, "near"), await offer(there, "far")
    for worker, function_id in ((near, "near"), (far, "far")):
        config = {"stream_name": "todos"}
        await worker.bind(f"t-{function_id}", "stream", function_id=function_id, config=config)
    await put(1)
    for worker in (near, far):
        [frame] = await worker.transport.receive("invokefunction")
        assert frame["data"]["event"] == {"type": "create", "data": 1}
        await worker.answer(frame)

    async def fired() -> bool:
        return len(events) == 1

    await eventually(fired)


async def test_listeners_of_another_node_are_asked(
    here: Engine, there: Engine, offer: Offer
) -> None:
    guard = await offer(there, "guard")
    await guard.bind("t", "stream:join", function_id="guard")
    await publish_rows(there)
    client = Client(here)
    joining = asyncio.create_task(client.join())
    [frame] = await guard.transport.receive("invokefunction")
    assert frame["data"]["stream_name"] == "todos"
    await guard.answer(frame, result={"unauthorized": True})
    await joining
    assert (await client.heard(1)) == [{"type": "unauthorized"}]


@pytest.mark.parametrize(("is_strict", "kind"), [(True, "unauthorized"), (False, "sync")])
async def test_who_cannot_be_asked_refuses_where_doors_are_closed(
    here: Engine,
    there: Engine,
    monkeypatch: pytest.MonkeyPatch,
    is_strict: bool,
    kind: str,
) -> None:
    def broken(*arguments: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(presence, "_triggers_elsewhere", broken)
    client = Client(here, is_strict=is_strict)
    await client.join()
    assert (await client.heard(1))[0]["type"] == kind


async def test_a_custom_store_of_another_node_is_used(
    here: Engine, there: Engine, offer: Offer
) -> None:
    store = await offer(there, "stream::get(todos)")
    reading = asyncio.create_task(ainvoke("stream::get", {**GROUP, "item_id": "a"}))
    [frame] = await store.transport.receive("invokefunction")
    await store.answer(frame, result="theirs")
    assert await reading == "theirs"
