"""Streams across processes: clients and triggers of every node hear every event, once."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import override_settings

from iii_triggers import ainvoke
from iii_triggers.engine import network
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.store.snapshots import group_snapshot
from iii_triggers.trigger_types.stream import StreamTriggerType, presence, sending, store
from iii_triggers.trigger_types.stream.client import StreamClient
from iii_triggers.trigger_types.stream.events import StreamEvent
from iii_triggers.trigger_types.stream.feed import Feed
from iii_triggers.trigger_types.stream.feeds import Feeds
from iii_triggers.trigger_types.stream.frames import decode
from iii_triggers.trigger_types.stream.places import Place
from tests.support.eventually import eventually
from tests.support.layers import FakeLayer
from tests.support.site import declare
from tests.support.workers import FakeTransport, FakeWorker

from .conftest import publish_rows

Offer = Callable[..., Awaitable[FakeWorker]]

GROUP = {"stream_name": "todos", "group_id": "g"}
PLACE = Place(stream_name="todos", group_id="g", item_id="a")


class Client:
    """A stream client of one engine."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        streams = engine.trigger_type("stream")
        assert isinstance(streams, StreamTriggerType)
        self.transport = FakeTransport()
        self.client = StreamClient(
            engine=engine, streams=streams, transport=self.transport, **options
        )

    async def join(self, **more: Any) -> None:
        data = {"subscriptionId": "s", "streamName": "todos", "groupId": "g", **more}
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


def feed_of(engine: Engine) -> Feed:
    streams = engine.trigger_type("stream")
    assert isinstance(streams, StreamTriggerType)
    return streams.feeds._feeds["todos", "g"]


Lose = Callable[..., None]


@pytest.fixture
def lose(there: Engine, monkeypatch: pytest.MonkeyPatch) -> Lose:
    """Have the other node never hear of events, by their numbers."""
    take, streams = Feeds.take, there.trigger_type("stream")
    assert isinstance(streams, StreamTriggerType)

    def lose(*numbers: int) -> None:
        def taken(feeds: Feeds, event: StreamEvent) -> None:
            if feeds is not streams.feeds or event.seq not in numbers:
                take(feeds, event)

        monkeypatch.setattr(Feeds, "take", taken)

    return lose


class TestNumbers:
    """Events of a group have one order on all nodes, and what is missing does not stay unseen."""

    async def test_events_of_two_nodes_come_in_one_order_on_both(
        self, here: Engine, there: Engine, offer: Offer
    ) -> None:
        far_writer = await offer(there)
        clients = [await joined(here), await joined(there)]

        async def put_there(number: int) -> None:
            await far_writer.call("stream::set", {**GROUP, "item_id": "b", "data": number})

        for number in range(10):
            await asyncio.gather(put(number), put_there(number))
        for client in clients:
            frames = await client.transport.receive("stream", 21)
            assert [frame["seq"] for frame in frames] == list(range(21))
        near, far = (client.transport.frames for client in clients)
        assert near[1:] == far[1:]

    async def test_what_comes_too_early_waits(
        self, here: Engine, there: Engine, lose: Lose
    ) -> None:
        far = await joined(there)
        lose(1)
        await put(1)
        await put(2)

        async def came() -> bool:
            return feed_of(there).order.first_early == 2

        await eventually(came)
        assert len(far.transport.frames) == 1
        feed_of(there).take(StreamEvent(place=PLACE, text=b'{"type":"stream","seq":1}', seq=1))
        assert [frame["seq"] for frame in await far.transport.receive("stream", 3)] == [0, 1, 2]

    async def test_a_gap_that_stays_ends_in_a_new_sync(
        self, here: Engine, there: Engine, lose: Lose
    ) -> None:
        far, of_item = await joined(there), Client(there)
        await of_item.join(id="b")
        lose(1)
        with override_settings(III_STREAM_GAP_MS=20):
            for number in (1, 2):
                await put(number)
            frames = await far.transport.receive("stream", 2)
            [_, item_sync] = await of_item.transport.receive("stream", 2)
        assert frames[1]["event"] == {"type": "sync", "data": [2]}
        assert (frames[1]["seq"], item_sync["seq"], item_sync["event"]["data"]) == (2, 2, None)
        await put(3)
        assert (await far.heard(3))[2] == {"type": "update", "data": 3}
        assert len(of_item.transport.frames) == 2

    async def test_the_last_event_is_missed_for_a_moment_only(
        self, here: Engine, there: Engine, lose: Lose
    ) -> None:
        far = await joined(there)
        lose(1)
        with override_settings(III_STREAM_GAP_MS=20):
            await put(1)
            for told in there.network.on_missed:
                told("a node")
            assert (await far.heard(2))[1] == {"type": "sync", "data": [1]}

    async def test_a_sync_that_fails_sends_clients_away(
        self, here: Engine, there: Engine, lose: Lose, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        far = await joined(there)
        lose(1)

        def broken(*arguments: Any) -> None:
            raise DatabaseError

        monkeypatch.setattr(store, "group_snapshot", broken)
        with override_settings(III_STREAM_GAP_MS=20):
            await put(1)
            await put(2)

            async def closed() -> bool:
                return far.transport.close_code == 1013

            await eventually(closed)

    async def test_who_joins_meanwhile_is_not_told_what_is_older(
        self, here: Engine, there: Engine, lose: Lose, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first event that the node hears of is a later one than the sync knows."""
        reading, go_on = threading.Event(), threading.Event()
        reads: list[Any] = []

        def slow(group: Any) -> Any:
            reads.append(group_snapshot(group))
            reading.set()
            go_on.wait(5)
            return reads[-1]

        monkeypatch.setattr(store, "group_snapshot", slow)
        lose(1)
        far = Client(there)
        joining = asyncio.create_task(far.join())
        await asyncio.to_thread(reading.wait, 5)
        for number in (1, 2):
            await put(number)

        async def came() -> bool:
            return feed_of(there).order.at == 2

        await eventually(came)
        go_on.set()
        await joining
        await put(3)
        frames = await far.transport.receive("stream", 2)
        assert [frame["seq"] for frame in frames] == [2, 3]
        assert [read.seq for read in reads] == [0, 2]

    async def test_triggers_of_workers_fire_once_in_order_and_late_rather_than_never(
        self,
        here: Engine,
        there: Engine,
        offer: Offer,
        lose: Lose,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        worker = await offer(there, "f")
        config = {"stream_name": "todos"}
        await worker.bind("t", "stream", function_id="f", config=config)
        lose(2)
        with override_settings(III_STREAM_GAP_MS=20):
            for number in (1, 2, 3):
                await put(number)
            for count in (1, 2):
                frames = await worker.transport.receive("invokefunction", count)
                await worker.answer(frames[count - 1])
        assert "missed 1 events" in caplog.text
        late = b'{"seq":2,"event":{"data":2}}'
        feed_of(there).take(StreamEvent(place=PLACE, text=late, seq=2))
        frames = await worker.transport.receive("invokefunction", 3)
        assert [frame["data"]["seq"] for frame in frames] == [1, 3, 2]

    async def test_events_that_cannot_be_numbered_are_told_all_the_same(
        self, here: Engine, there: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clients = [await joined(here), await joined(there)]

        def broken(*arguments: Any) -> None:
            raise DatabaseError

        monkeypatch.setattr(sending, "take_many", broken)
        await ainvoke("stream::send", {**GROUP, "type": "typing", "data": None})
        for client in clients:
            frame = (await client.transport.receive("stream", 2))[1]
            assert frame["event"]["type"] == "event"
            assert "seq" not in frame


class TestResume:
    """Who comes back gets what happened since, if that is still known, else a sync."""

    @pytest.fixture(autouse=True)
    def serving(self, here: Engine, there: Engine) -> None:
        """Nodes that serve clients keep events before there are any."""
        here.node.kind = there.node.kind = "asgi"

    async def seqs(self, client: Client, number: int) -> list[tuple[int, str]]:
        frames = await client.transport.receive("stream", number)
        assert len(frames) == number
        return [(frame["seq"], frame["event"]["type"]) for frame in frames]

    @pytest.mark.parametrize("node", ["here", "there"])
    async def test_what_happened_since_is_told_on_every_node(
        self, here: Engine, there: Engine, node: str
    ) -> None:
        for number in range(3):
            await put(number)
        await ainvoke("stream::send", {**GROUP, "type": "x", "data": None})
        client = Client({"here": here, "there": there}[node])
        await client.join(since=1)
        assert await self.seqs(client, 3) == [(2, "update"), (3, "update"), (4, "event")]
        await put("live")
        assert (await self.seqs(client, 4))[3] == (5, "update")

    async def test_one_item_is_told_what_happened_to_it(self, here: Engine) -> None:
        for item_id in ("a", "b", "a"):
            await ainvoke("stream::set", {**GROUP, "item_id": item_id, "data": 1})
        client = Client(here)
        await client.join(since=0, id="a")
        assert await self.seqs(client, 2) == [(1, "create"), (3, "update")]

    async def test_who_missed_nothing_gets_nothing(self, here: Engine) -> None:
        await put(1)
        client = Client(here)
        await client.join(since=1)
        await put(2)
        assert await self.seqs(client, 1) == [(2, "update")]

    @pytest.mark.parametrize("since", [-1, 7, 10**30])
    async def test_a_number_that_cannot_be_gets_a_sync(self, here: Engine, since: int) -> None:
        await put(1)
        client = Client(here)
        await client.join(since=since)
        assert await self.seqs(client, 1) == [(1, "sync")]

    async def test_what_is_not_kept_any_more_gets_a_sync(self, here: Engine) -> None:
        with override_settings(III_STREAM_RESUME_EVENTS=2):
            for number in range(4):
                await put(number)
        for since, told in ((1, [(4, "sync")]), (2, [(3, "update"), (4, "update")])):
            client = Client(here)
            await client.join(since=since)
            assert await self.seqs(client, len(told)) == told

    async def test_more_than_a_client_takes_gets_a_sync(self, here: Engine) -> None:
        for _ in range(3):
            await put("x" * 1000)
        with override_settings(III_STREAM_MAX_SEND_QUEUE_BYTES=4000):
            client = Client(here)
            await client.join(since=0)
        assert await self.seqs(client, 1) == [(3, "sync")]

    async def test_a_node_that_missed_events_does_not_hide_that(
        self, here: Engine, there: Engine, lose: Lose
    ) -> None:
        await put(1)
        lose(2)
        await put(2)
        with override_settings(III_STREAM_GAP_MS=20):
            client = Client(there)
            await client.join(since=1)
            assert await self.seqs(client, 1) == [(2, "sync")]

    async def test_who_heard_more_than_the_node_is_told_nothing_twice(
        self, here: Engine, there: Engine, lose: Lose
    ) -> None:
        await put(1)
        lose(2)
        await put(2)
        client = Client(there)
        await client.join(since=2)
        feed_of(there).take(StreamEvent(place=PLACE, text=b'{"type":"stream","seq":2}', seq=2))
        await put(3)
        assert await self.seqs(client, 1) == [(3, "update")]
