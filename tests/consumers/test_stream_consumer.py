"""The socket of stream clients (trigger reference, section 6.2)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.store.counts import take_numbers
from iii_triggers.store.snapshots import group_snapshot
from iii_triggers.trigger_types.stream import StreamTriggerType
from iii_triggers.trigger_types.stream import store as store_module
from tests.support.eventually import eventually
from tests.support.site import declare
from tests.support.streams import StreamSocket
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


async def put(item: str = "a", data: Any = 1, *, stream: str = "todos", group: str = "g") -> Any:
    names = {"stream_name": stream, "group_id": group, "item_id": item}
    return await ainvoke("stream::set", {**names, "data": data})


async def remove(item: str = "a") -> Any:
    names = {"stream_name": "todos", "group_id": "g", "item_id": item}
    return await ainvoke("stream::delete", names)


async def say(type_: str, data: Any = None, **more: Any) -> Any:
    names = {"stream_name": "todos", "group_id": "g", **more}
    return await ainvoke("stream::send", {**names, "type": type_, "data": data})


def streams_of(engine: Engine) -> StreamTriggerType:
    streams = engine.trigger_type("stream")
    assert isinstance(streams, StreamTriggerType)
    return streams


def subscriptions(engine: Engine) -> int:
    """Count the subscriptions of all clients."""
    return sum(len(feed.subscriptions) for feed in streams_of(engine).feeds._feeds.values())


async def listens(worker: FakeWorker, kind: str, function_id: str = "f") -> None:
    await worker.bind(f"{kind}-{worker.id}", kind, function_id=function_id)


async def asked(worker: FakeWorker, number: int = 1) -> dict[str, Any]:
    return (await worker.transport.receive("invokefunction", number))[number - 1]


async def test_a_client_gets_what_is_there_and_then_what_happens(engine: Engine) -> None:
    await put("a", {"n": 1})
    await put("b", {"n": 2})
    async with StreamSocket() as socket:
        socket.join()
        frame = await socket.frame()
        assert isinstance(frame.pop("timestamp"), int)
        assert frame == {
            "type": "stream",
            "seq": 2,
            "streamName": "todos",
            "groupId": "g",
            "id": None,
            "event": {"type": "sync", "data": [{"n": 1}, {"n": 2}]},
        }
        await put("c", None)
        await put("a", {"n": 3})
        await remove("b")
        await say("typing", {"who": "ada"})
        created = await socket.frame()
        assert (created["id"], created["event"]) == ("c", {"type": "create", "data": None})
        assert created["seq"] == 3
        assert await socket.happened() == ("update", {"n": 3})
        assert await socket.happened() == ("delete", {"n": 2})
        assert await socket.happened() == ("event", {"type": "typing", "data": {"who": "ada"}})


async def test_a_client_of_one_item_gets_that_item(engine: Engine) -> None:
    await put("a", {"n": 1})
    async with StreamSocket() as socket:
        assert await socket.joined(id="a") == {"n": 1}
        assert await socket.joined("other", id="missing") is None
        await put("b")
        await say("to all")
        await say("to a", id="a")
        await put("a", 2)
        assert (await socket.happened())[1]["type"] == "to a"
        assert await socket.happened() == ("update", 2)


async def test_an_empty_group_syncs_as_an_empty_list(engine: Engine) -> None:
    async with StreamSocket() as socket:
        assert await socket.joined() == []


async def test_other_groups_and_streams_are_not_heard(engine: Engine) -> None:
    async with StreamSocket() as socket:
        await socket.joined()
        await put(group="h")
        await put(stream="other")
        await socket.silence()


async def test_each_subscription_gets_its_copy(engine: Engine) -> None:
    async with StreamSocket() as socket:
        await socket.joined("one")
        await socket.joined("two", id="a")
        await put()
        assert await socket.happened() == await socket.happened() == ("create", 1)


async def test_joining_again_replaces_the_subscription(engine: Engine) -> None:
    async with StreamSocket() as socket:
        await socket.joined("s", group="old")
        await socket.joined("s")
        await put(group="old")
        await put()
        assert await socket.happened() == ("create", 1)
        await socket.silence()


async def test_who_leaves_hears_no_more(engine: Engine) -> None:
    async with StreamSocket() as socket:
        await socket.joined("one")
        await socket.joined("two")
        socket.leave("one")
        socket.leave("one")
        socket.leave("never joined")
        await socket.silence()
        await put()
        assert await socket.happened() == ("create", 1)
        await socket.silence()


@pytest.mark.parametrize(
    "junk",
    [
        "{",
        "7",
        "null",
        "[]",
        "{}",
        '{"type":"unheard-of"}',
        '{"type":"join"}',
        '{"type":"join","data":{"subscriptionId":"s","streamName":"todos"}}',
        '{"type":"join","data":{"subscriptionId":7,"streamName":"t","groupId":"g"}}',
        '{"type":"leave","data":{"subscriptionId":"s"}}',
        '{"type":"sync","data":[]}',
        "[" * 50_000,
        b"\xff\x00",
        b'{"type":"publish","data":{"subscriptionId":"s","type":"t","data":"\xff"}}',
        "",
        " \n",
        b"",
    ],
    ids=range(17),
)
async def test_junk_is_ignored(engine: Engine, junk: str | bytes) -> None:
    async with StreamSocket() as socket:
        socket.send(junk)
        await socket.silence()
        assert await socket.joined() == []


async def test_a_frame_may_be_binary(engine: Engine) -> None:
    async with StreamSocket() as socket:
        data = {"subscriptionId": "s", "streamName": "todos", "groupId": "g", "id": None}
        socket.send(json.dumps({"type": "join", "data": data}).encode())
        assert await socket.happened() == ("sync", [])


async def test_a_frame_that_is_too_large_ends_the_connection(engine: Engine) -> None:
    async with StreamSocket() as socket:
        with override_settings(III_STREAM_MAX_FRAME_BYTES=1024):
            socket.send(" " * 1025)
            assert await socket.close_code() == 1009


async def test_subscriptions_are_limited(engine: Engine) -> None:
    async with StreamSocket() as socket:
        with override_settings(III_STREAM_MAX_SUBSCRIPTIONS=2):
            for id_ in ("1", "2", "1"):
                await socket.joined(id_)
            socket.join("3")
            frame = await socket.frame()
        assert frame["type"] == "error"
        assert frame["data"]["subscriptionId"] == "3"
        assert frame["data"]["code"] == "LIMIT_EXCEEDED"


async def test_names_are_limited(engine: Engine) -> None:
    async with StreamSocket() as socket:
        socket.join(stream="x" * 513)
        assert (await socket.frame())["data"]["code"] == "INVALID_ARGUMENTS"
        assert await socket.joined(stream="x" * 512) == []


async def test_a_name_that_cannot_be_kept_hides_no_other_group(engine: Engine) -> None:
    await put()
    async with StreamSocket() as hostile, StreamSocket() as socket:
        hostile.join(group="\0")
        await socket.joined()
        await engine.database.run(partial(take_numbers, ("todos", "g")))
        with override_settings(III_STREAM_GAP_MS=1):
            await engine.database.run(streams_of(engine).feeds.look)
            assert (await socket.happened())[0] == "sync"


async def test_connections_are_limited(engine: Engine) -> None:
    with override_settings(III_STREAM_MAX_CLIENTS=1):
        async with StreamSocket() as first, StreamSocket() as second:
            assert await second.close_code() == 1013
            await first.silence()
            await first.gone()
            async with StreamSocket() as third:
                await third.silence()


async def test_a_subprotocol_that_is_offered_is_chosen(engine: Engine) -> None:
    async with StreamSocket(subprotocols=("Authorization", "token")) as socket:
        assert socket.accepted["subprotocol"] == "Authorization"


async def test_a_slow_client_is_dropped_and_nobody_waits(engine: Engine) -> None:
    async with StreamSocket() as slow, StreamSocket() as quick:
        await slow.joined()
        await quick.joined()
        slow.reads.clear()
        with override_settings(III_STREAM_MAX_SEND_QUEUE_BYTES=10_000):
            for number in range(20):
                await say("big", f"{number}" + "x" * 1000)
        for _ in range(20):
            assert (await quick.happened())[0] == "event"

        async def dropped() -> bool:
            return len(streams_of(engine).clients.connected) == 1

        slow.reads.set()
        assert await slow.close_code() == 1013
        await eventually(dropped)


async def test_a_large_sync_is_no_reason_to_drop_a_client(engine: Engine) -> None:
    await put("a", "x" * 10_000)
    with override_settings(III_STREAM_MAX_SEND_QUEUE_BYTES=1000):
        async with StreamSocket() as socket:
            assert len((await socket.joined())[0]) == 10_000


class TestOrder:
    """Neither a gap between sync and events nor an event from before the sync."""

    async def test_a_write_before_the_read_is_in_the_sync_only(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The write commits, then the sync is read, and only then the write is told."""
        begin = threading.Event()

        def wait(*arguments: Any) -> Any:
            begin.wait(5)
            return group_snapshot(*arguments)

        monkeypatch.setattr(store_module, "group_snapshot", wait)
        async with StreamSocket() as socket:
            writes = [asyncio.create_task(put(data=n)) for n in range(3)]
            await asyncio.sleep(0)
            socket.join()
            await asyncio.sleep(0)
            begin.set()
            await asyncio.gather(*writes)
            sync = await socket.happened()
            later = [await socket.happened() for _ in range(2 - (sync[1] or [-1])[0])]
            assert [data for _, data in later] == list(range((sync[1] or [-1])[0] + 1, 3))
            await socket.silence()

    async def test_a_write_while_the_sync_is_read_comes_after_it(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reading, go_on = threading.Event(), threading.Event()

        def slow(*arguments: Any) -> Any:
            found = group_snapshot(*arguments)
            reading.set()
            go_on.wait(5)
            return found

        monkeypatch.setattr(store_module, "group_snapshot", slow)
        async with StreamSocket() as socket:
            socket.join()
            await asyncio.to_thread(reading.wait, 5)
            writing = asyncio.create_task(put("a", 1))
            await say("while syncing")
            go_on.set()
            await writing
            assert await socket.happened() == ("sync", [])
            assert (await socket.happened())[1]["type"] == "while syncing"
            assert await socket.happened() == ("create", 1)

    async def test_many_writers_and_joiners_agree(self, engine: Engine) -> None:
        """Whenever a client joins, sync and events add up to what was written."""
        stop = False

        async def write() -> int:
            number = 0
            while not stop:
                await put("a", number := number + 1)
            return number

        async def follow() -> list[int]:
            async with StreamSocket() as socket:
                seen = list(await socket.joined())
                while len(seen) < 5:
                    seen.append((await socket.happened())[1])
                return seen

        writing = asyncio.create_task(write())
        for _ in range(10):
            for seen in await asyncio.gather(*(follow() for _ in range(3))):
                assert seen == list(range(seen[0], seen[0] + 5))
        stop = True
        await writing

    async def test_what_happens_while_a_sync_hangs_is_bounded(
        self, engine: Engine, connect: Connect
    ) -> None:
        await connect("stream::list(todos)")
        async with StreamSocket() as socket:
            socket.join()

            async def subscribed() -> bool:
                return subscriptions(engine) == 1

            await eventually(subscribed)
            with override_settings(III_STREAM_MAX_SEND_QUEUE_BYTES=1000):
                await say("big", "x" * 2000)
            assert await socket.close_code() == 1013

    async def test_a_sync_that_fails_is_not_sent_and_events_come(
        self, engine: Engine, connect: Connect
    ) -> None:
        store = await connect("stream::list(todos)")
        async with StreamSocket() as socket:
            socket.join()
            frame = await asked(store)
            await say("waits")
            await store.answer(frame, error={"code": "x", "message": "broken"})
            assert (await socket.happened())[1]["type"] == "waits"


async def test_the_sync_comes_from_a_custom_store(engine: Engine, connect: Connect) -> None:
    store = await connect("stream::list(todos)", "stream::get(todos)")
    async with StreamSocket() as socket:
        socket.join()
        frame = await asked(store)
        assert frame["data"] == {"stream_name": "todos", "group_id": "g"}
        await store.answer(frame, result=[{"mine": True}])
        assert await socket.happened() == ("sync", [{"mine": True}])
        socket.join("one", id="a")
        frame = await asked(store, 2)
        assert frame["data"] == {"stream_name": "todos", "group_id": "g", "item_id": "a"}
        await store.answer(frame, result="mine")
        assert await socket.happened() == ("sync", "mine")


class TestPresence:
    """The types ``stream:join`` and ``stream:leave`` (section 6.3)."""

    @pytest.mark.parametrize("kind", ["stream:join", "streams:join"])
    async def test_a_listener_hears_who_joins(
        self, engine: Engine, connect: Connect, kind: str
    ) -> None:
        worker = await connect("f")
        await listens(worker, kind)
        async with StreamSocket() as socket:
            socket.join("s1", id="a")
            frame = await asked(worker)
            assert frame["data"] == {
                "subscription_id": "s1",
                "stream_name": "todos",
                "group_id": "g",
                "id": "a",
                "context": None,
            }
            assert socket.is_silent()
            await worker.answer(frame, result=None)
            assert await socket.happened() == ("sync", None)

    @pytest.mark.parametrize("kind", ["stream:leave", "streams:leave"])
    async def test_a_listener_hears_who_leaves_and_who_vanishes(
        self, engine: Engine, connect: Connect, kind: str
    ) -> None:
        worker = await connect("f")
        await listens(worker, kind)
        async with StreamSocket() as socket:
            for id_ in ("1", "2", "3"):
                await socket.joined(id_)
            socket.leave("2")
            frame = await asked(worker)
            assert frame["data"]["subscription_id"] == "2"
            await worker.answer(frame)
            await socket.gone()
            left = []
            for number in (2, 3):
                frame = await asked(worker, number)
                left.append(frame["data"])
                await worker.answer(frame)
        assert [data["subscription_id"] for data in left] == ["1", "3"]
        assert left[0] == {
            "subscription_id": "1",
            "stream_name": "todos",
            "group_id": "g",
            "id": None,
            "context": None,
        }

    async def test_a_join_that_is_refused_is_told_and_subscribes_to_nothing(
        self, engine: Engine, connect: Connect
    ) -> None:
        worker, leaver = await connect("f"), await connect("left")
        await listens(worker, "stream:join")
        await listens(leaver, "stream:leave", "left")
        async with StreamSocket() as socket:
            socket.join()
            await worker.answer(await asked(worker), result={"unauthorized": True})
            frame = await socket.frame()
            assert frame["event"] == {"type": "unauthorized"}
            assert (frame["streamName"], frame["groupId"], frame["id"]) == ("todos", "g", None)
            await put()
            await socket.silence()
            await socket.gone()
        assert leaver.invocations == []

    @pytest.mark.parametrize(
        "answer",
        [
            {"result": {"unauthorized": False}},
            {"result": {"unauthorized": "true"}},
            {"result": {"unauthorized": 1}},
            {"result": True},
            {"result": None},
            {"error": {"code": "x", "message": "broken"}},
        ],
    )
    async def test_anything_else_lets_in(
        self, engine: Engine, connect: Connect, answer: dict[str, Any]
    ) -> None:
        worker = await connect("f")
        await listens(worker, "stream:join")
        async with StreamSocket() as socket:
            socket.join()
            await worker.answer(await asked(worker), **answer)
            assert await socket.happened() == ("sync", [])

    async def test_all_listeners_are_asked_one_after_another(
        self, engine: Engine, connect: Connect
    ) -> None:
        first, second = await connect("f"), await connect("g")
        await listens(first, "stream:join")
        await listens(second, "stream:join", "g")
        async with StreamSocket() as socket:
            socket.join()
            frame = await asked(first)
            assert second.invocations == []
            await first.answer(frame, result={"unauthorized": True})
            await second.answer(await asked(second), result=None)
            assert (await socket.happened())[0] == "unauthorized"

    async def test_replicas_of_a_listener_are_asked_once(
        self, engine: Engine, connect: Connect
    ) -> None:
        workers = [await connect("f"), await connect("f")]
        for worker in workers:
            await listens(worker, "stream:join")
        async with StreamSocket() as socket:
            socket.join()

            async def one_was_asked() -> bool:
                return sum(len(worker.invocations) for worker in workers) == 1

            await eventually(one_was_asked)
            [worker] = [worker for worker in workers if worker.invocations]
            await worker.answer(worker.invocations[0])
            assert await socket.happened() == ("sync", [])

    async def test_a_client_that_goes_while_it_joins_leaves_too(
        self, engine: Engine, connect: Connect
    ) -> None:
        joins, leaves = await connect("f"), await connect("g")
        await listens(joins, "stream:join")
        await listens(leaves, "stream:leave", "g")
        async with StreamSocket() as socket:
            socket.join()
            socket.join("never asked")
            frame = await asked(joins)
            await socket.gone()
            await joins.answer(frame)
            left = await asked(leaves)
            assert left["data"]["subscription_id"] == "s"
            await leaves.answer(left)
        assert len(joins.invocations) == 1
        assert subscriptions(engine) == 0

    @override_settings(III_SHUTDOWN_GRACE_S=5)
    async def test_clients_leave_before_workers_that_hear_of_it_are_sent_away(
        self, engine: Engine, connect: Connect
    ) -> None:
        """Also before one whose function the site has too, which goes first of all workers."""
        engine.functions.add_local(declare(engine.site, "left", lambda data: None))
        worker = await connect("left")
        await listens(worker, "stream:leave", "left")
        async with StreamSocket() as socket:
            await socket.joined()
            stopping = asyncio.ensure_future(engine.stop())
            frame = await asked(worker)
            assert frame["data"]["subscription_id"] == "s"
            assert await socket.close_code() == 1012
            await worker.answer(frame)
            await stopping
        assert worker.transport.close_code == 1012

    async def test_an_engine_that_stops_sends_clients_away(
        self, engine: Engine, connect: Connect
    ) -> None:
        left: list[Any] = []
        engine.functions.add_local(declare(engine.site, "left", left.append))
        worker = await connect()
        await listens(worker, "stream:leave", "left")
        async with StreamSocket() as socket:
            await socket.joined()
            await engine.stop()
            assert await socket.close_code() == 1012
        assert [data["subscription_id"] for data in left] == ["s"]
        async with StreamSocket() as socket:
            pass


class TestPublishing:
    """Our addition: clients send events where they were allowed to."""

    @staticmethod
    def publish(socket: StreamSocket, id_: str = "s", data: Any = None) -> None:
        message = {"subscriptionId": id_, "type": "said", "data": data}
        socket.send({"type": "publish", "data": message})

    @staticmethod
    async def enter(socket: StreamSocket, worker: FakeWorker, result: Any, **more: Any) -> None:
        before = len(worker.invocations)
        socket.join(**more)
        await worker.answer(await asked(worker, before + 1), result=result)
        assert (await socket.happened())[0] == "sync"

    async def test_who_was_allowed_to_is_heard(self, engine: Engine, connect: Connect) -> None:
        worker, listener = await connect("f"), await connect("heard")
        await listens(worker, "stream:join")
        await listener.bind("t", "stream", function_id="heard", config={"channel": "todos"})
        with override_settings(III_STREAM_CLIENT_PUBLISH=True):
            async with StreamSocket() as socket, StreamSocket() as other:
                await self.enter(socket, worker, {"publish": True})
                await self.enter(other, worker, None)
                self.publish(socket, data={"text": "hi"})
                said = ("event", {"type": "said", "data": {"text": "hi"}})
                assert await socket.happened() == await other.happened() == said
                event = (await asked(listener))["data"]["event"]
                assert event == {"type": "event", "event": said[1]}

    async def test_an_event_of_an_item_is_of_that_item(
        self, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f")
        await listens(worker, "stream:join")
        with override_settings(III_STREAM_CLIENT_PUBLISH=True):
            async with StreamSocket() as socket:
                await self.enter(socket, worker, {"publish": True}, id="a")
                self.publish(socket)
                frame = await socket.frame()
                assert frame["id"] == "a"
                assert frame["event"]["event"] == {"type": "said", "data": None}

    @pytest.mark.parametrize("result", [None, {"publish": "true"}, {"publish": 1}, True, {}])
    async def test_who_was_not_is_refused(
        self, engine: Engine, connect: Connect, result: Any
    ) -> None:
        worker = await connect("f")
        await listens(worker, "stream:join")
        with override_settings(III_STREAM_CLIENT_PUBLISH=True):
            async with StreamSocket() as socket:
                await self.enter(socket, worker, result)
                self.publish(socket)
                frame = await socket.frame()
        assert frame["type"] == "error"
        assert frame["data"]["code"] == "FORBIDDEN"

    async def test_nobody_is_allowed_unless_the_site_says_so(
        self, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f")
        await listens(worker, "stream:join")
        async with StreamSocket() as socket:
            await self.enter(socket, worker, {"publish": True})
            self.publish(socket)
            assert (await socket.frame())["data"]["code"] == "FORBIDDEN"
            await socket.silence()

    @pytest.mark.parametrize("data", ["1e999", "[" * 121 + "]" * 121], ids=["number", "depth"])
    async def test_what_functions_could_not_read_is_refused(
        self, engine: Engine, connect: Connect, data: str
    ) -> None:
        worker = await connect("f")
        await listens(worker, "stream:join")
        with override_settings(III_STREAM_CLIENT_PUBLISH=True):
            async with StreamSocket() as socket:
                await self.enter(socket, worker, {"publish": True})
                message = '{"type":"publish","data":{"subscriptionId":"s","type":"t","data":%s}}'
                socket.send(message % data)
                assert (await socket.frame())["type"] == "error"
                await socket.silence()

    async def test_a_subscription_is_needed(self, engine: Engine) -> None:
        with override_settings(III_STREAM_CLIENT_PUBLISH=True):
            async with StreamSocket() as socket:
                self.publish(socket)
                assert (await socket.frame())["data"]["code"] == "NOT_FOUND"


class TestAuthentication:
    """``III_STREAM_AUTH_FUNCTION`` and ``III_STREAM_ACCESS``."""

    async def test_the_function_sees_the_handshake_and_gives_the_context(
        self, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("auth", "f")
        await listens(worker, "stream:join")
        headers = [
            (b"Host", b"site:3112"),
            (b"x-a", b"1"),
            (b"X-A", b"2"),
            (b"x-bad", b"\xff"),
            (b"cookie", b"a=1"),
            (b"origin", b"http://site:8000"),
        ]
        with override_settings(III_STREAM_AUTH_FUNCTION="auth"):
            async with StreamSocket(headers=headers, query="token=a%20b&token=c&flag&") as socket:
                frame = await asked(worker)
                assert frame["data"] == {
                    "headers": {
                        "host": "site:3112",
                        "x-a": "1, 2",
                        "cookie": "a=1",
                        "origin": "http://site:8000",
                    },
                    "path": "/",
                    "query_params": {"token": ["a%20b", "c"], "flag": [""]},
                    "addr": "127.0.0.1:5000",
                }
                await worker.answer(frame, result={"context": {"user": 7}})
                socket.join()
                frame = await asked(worker, 2)
                assert frame["data"]["context"] == {"user": 7}
                await worker.answer(frame)
                assert await socket.happened() == ("sync", [])

    @pytest.mark.parametrize(
        "answer",
        [
            {"result": None},
            {"result": "text"},
            {"result": {}},
            {"error": {"code": "x", "message": "broken"}},
        ],
    )
    async def test_who_is_unknown_gets_in_where_doors_are_open_only(
        self, engine: Engine, connect: Connect, answer: dict[str, Any]
    ) -> None:
        worker = await connect("auth")
        with override_settings(III_STREAM_AUTH_FUNCTION="auth"):
            async with StreamSocket() as socket:
                await worker.answer(await asked(worker), **answer)
                await socket.silence()
            with override_settings(III_STREAM_ACCESS="authenticated"):
                async with StreamSocket() as socket:
                    await worker.answer(await asked(worker, 2), **answer)
                    assert await socket.close_code() == 4401

    async def test_a_context_of_null_is_one(self, engine: Engine) -> None:
        engine.functions.add_local(declare(engine.site, "all", lambda data: {"context": None}))
        settings = {"III_STREAM_AUTH_FUNCTION": "all", "III_STREAM_ACCESS": "authenticated"}
        with override_settings(**settings):
            async with StreamSocket() as socket:
                assert await socket.joined() == []

    @pytest.mark.parametrize(
        ("access", "debug", "on_stream_port", "is_open"),
        [
            ("auto", True, False, True),
            ("auto", False, False, False),
            ("auto", False, True, True),
            ("open", False, False, True),
            ("authenticated", True, True, False),
        ],
    )
    async def test_which_doors_are_open(
        self, engine: Engine, access: str, debug: bool, on_stream_port: bool, is_open: bool
    ) -> None:
        with override_settings(III_STREAM_ACCESS=access, DEBUG=debug):
            async with StreamSocket(on_stream_port=on_stream_port) as socket:
                if is_open:
                    await socket.silence()
                else:
                    assert await socket.close_code() == 4401

    async def test_a_listener_that_fails_refuses_where_doors_are_closed(
        self, engine: Engine, connect: Connect
    ) -> None:
        engine.functions.add_local(declare(engine.site, "all", lambda data: {"context": 1}))
        worker = await connect()
        await listens(worker, "stream:join", "missing")
        with override_settings(III_STREAM_AUTH_FUNCTION="all"):
            async with StreamSocket() as socket:
                assert await socket.joined() == []
            with override_settings(III_STREAM_ACCESS="authenticated"):
                async with StreamSocket() as socket:
                    socket.join()
                    assert (await socket.happened())[0] == "unauthorized"

    @pytest.mark.parametrize(
        ("allowed", "origin", "code"),
        [
            ([], b"https://evil.example", None),
            (["https://app.example"], b"https://evil.example", 4401),
            (["https://app.example"], b"https://app.example", None),
            (["https://app.example"], b"http://site:8000", None),
            (["https://app.example"], b"null", 4401),
            (["https://app.example"], b"http://[broken", 4401),
            (["https://app.example"], None, None),
        ],
    )
    async def test_origins_count_where_the_site_lists_some(
        self, engine: Engine, allowed: list[str], origin: bytes | None, code: int | None
    ) -> None:
        headers = [(b"host", b"site:3112"), *([(b"origin", origin)] if origin else [])]
        with override_settings(III_ALLOWED_ORIGINS=allowed):
            async with StreamSocket(headers=headers) as socket:
                if code is None:
                    await socket.silence()
                else:
                    assert await socket.close_code() == code

    async def test_a_foreign_page_brings_no_cookies(self, engine: Engine) -> None:
        seen: list[Any] = []
        engine.functions.add_local(declare(engine.site, "auth", seen.append))
        headers = [(b"host", b"site"), (b"cookie", b"a=1"), (b"origin", b"https://evil.example")]
        with override_settings(III_STREAM_AUTH_FUNCTION="auth"):
            async with StreamSocket(headers=headers) as socket:
                await socket.silence()
        assert "cookie" not in seen[0]["headers"]
        assert seen[0]["headers"]["origin"] == "https://evil.example"


async def test_clients_that_went_leave_nothing_behind(engine: Engine) -> None:
    for _ in range(5):
        async with StreamSocket() as socket:
            await socket.joined()
    streams = streams_of(engine)
    assert subscriptions(engine) == 0
    assert streams.clients.connected == set()
    await eventually(partial(_is_empty, streams))


async def _is_empty(streams: StreamTriggerType) -> bool:
    return not streams._leaving
