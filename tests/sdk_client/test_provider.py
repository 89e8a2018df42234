"""Custom trigger types: triggers of others arrive, start, stop, or are refused."""

from __future__ import annotations

import asyncio

from iii_triggers.protocol.errors import InvalidArguments
from iii_triggers.sdk import AsyncClient, Trigger

from .stub import FAST, StubEngine, with_engine

TRIGGER = {"id": "t1", "trigger_type": "slack", "function_id": "f", "config": {"channel": "#x"}}


async def _verdict(engine: StubEngine, count: int = 1):
    return await engine.frame(await engine.peer(), "triggerregistrationresult", count=count)


@with_engine
async def test_a_trigger_starts_and_stops_with_all_its_fields(engine: StubEngine):
    started: list[Trigger] = []
    stopped: asyncio.Queue[Trigger] = asyncio.Queue()
    async with AsyncClient(engine.url, **FAST) as client:

        async def stop(trigger):
            stopped.put_nowait(trigger)

        client.register_trigger_type({"id": "slack", "description": "Slack events"})
        client.on("registerTrigger", started.append)
        client.on("unregisterTrigger", stop)
        peer = await engine.peer()
        await peer.send(type="registertrigger", metadata={"team": "web"}, **TRIGGER)
        assert await _verdict(engine) == {
            "type": "triggerregistrationresult",
            "id": "t1",
            "trigger_type": "slack",
            "function_id": "f",
        }
        await peer.send(type="unregistertrigger", id="t1", trigger_type="slack")
        assert [await stopped.get()] == started
    (trigger,) = started
    assert (trigger.id, trigger.type, trigger.function_id) == ("t1", "slack", "f")
    assert (trigger.config, trigger.metadata) == ({"channel": "#x"}, {"team": "web"})


class Handler:
    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.done = asyncio.Event()

    async def register_trigger(self, trigger: Trigger) -> None:
        self.log.append(("register", trigger.id))

    async def unregister_trigger(self, trigger: Trigger) -> None:
        self.log.append(("unregister", trigger.id))
        self.done.set()


@with_engine
async def test_a_handler_object_gets_only_the_triggers_of_its_type(engine: StubEngine):
    slack, mail = Handler(), Handler()
    async with AsyncClient(engine.url, **FAST) as client:
        client.register_trigger_type({"id": "slack"}, slack)
        client.register_trigger_type({"id": "mail"}, mail)
        peer = await engine.peer()
        await peer.send(type="registertrigger", **TRIGGER)
        await peer.send(type="unregistertrigger", id="t1")
        await slack.done.wait()
    assert slack.log == [("register", "t1"), ("unregister", "t1")]
    assert mail.log == []


@with_engine
async def test_a_callback_that_raises_refuses_the_trigger(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:

        def refuse(trigger):
            raise (InvalidArguments("no channel") if trigger.id == "t1" else ValueError("odd"))

        client.register_trigger_type({"id": "slack", "description": "Slack events"})
        client.on("registerTrigger", refuse)
        peer = await engine.peer()
        await peer.send(type="registertrigger", **TRIGGER)
        assert (await _verdict(engine))["error"] == {
            "code": "INVALID_ARGUMENTS",
            "message": "no channel",
        }
        await peer.send(type="registertrigger", **{**TRIGGER, "id": "t2"})
        assert (await _verdict(engine, 2))["error"] == {
            "code": "trigger_registration_failed",
            "message": "odd",
        }


@with_engine
async def test_a_trigger_of_a_type_that_is_not_ours_is_refused(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST):
        await (await engine.peer()).send(type="registertrigger", **TRIGGER)
        assert (await _verdict(engine))["error"]["code"] == "trigger_type_not_found"


@with_engine
async def test_work_for_one_trigger_keeps_its_order_and_blocks_no_other(engine: StubEngine):
    log: list[str] = []
    go = asyncio.Event()
    done = asyncio.Event()
    async with AsyncClient(engine.url, **FAST) as client:

        async def start(trigger):
            if trigger.id == "t1":
                await go.wait()
            log.append(f"start {trigger.id}")

        async def stop(trigger):
            log.append(f"stop {trigger.id}")
            done.set()

        client.register_trigger_type({"id": "slack", "description": "Slack events"})
        client.on("registerTrigger", start)
        client.on("unregisterTrigger", stop)
        peer = await engine.peer()
        await peer.send(type="registertrigger", **TRIGGER)
        await peer.send(type="unregistertrigger", id="t1", trigger_type="slack")
        await peer.send(type="registertrigger", **{**TRIGGER, "id": "t2"})
        assert (await _verdict(engine))["id"] == "t2"
        go.set()
        await done.wait()
    assert log == ["start t2", "start t1", "stop t1"]


@with_engine
async def test_a_callback_may_call_functions_and_register_triggers(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        heard: asyncio.Queue = asyncio.Queue()

        async def fire(trigger):
            await client.register_trigger(type="http", function_id="other")
            await client.call(trigger.function_id, trigger.config)

        async def handle(data):
            heard.put_nowait(data)

        client.register_function("f", handle)
        client.register_trigger_type({"id": "slack", "description": "Slack events"})
        client.on("registerTrigger", fire)
        await client.register_trigger(TRIGGER)
        assert await heard.get() == {"channel": "#x"}
        assert "error" not in await _verdict(engine)
