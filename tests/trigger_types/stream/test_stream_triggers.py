"""Triggers of streams (trigger reference, section 6.4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers import ainvoke, trigger
from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger
from tests.support.eventually import eventually
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

GROUP = {"stream_name": "todos", "group_id": "inbox"}
ITEM = {**GROUP, "item_id": "a"}


async def bind(worker: FakeWorker, function_id: str = "f", **config: Any) -> None:
    config = config or {"stream_name": "todos"}
    number = len(worker.connection.trigger_ids)
    await worker.bind(f"t{number}-{worker.id}", "stream", function_id=function_id, config=config)


async def heard(worker: FakeWorker, number: int) -> list[Any]:
    """Answer so many calls, one after another, and return what they carried."""
    for count in range(1, number + 1):
        await worker.answer((await worker.transport.receive("invokefunction", count))[count - 1])
    return [frame["data"] for frame in worker.invocations]


def kinds(events: list[Any]) -> list[str]:
    return [event["event"]["type"] for event in events]


async def put(item_id: str = "a", data: Any = 1, **names: str) -> Any:
    return await ainvoke("stream::set", {**GROUP, "item_id": item_id, "data": data, **names})


async def test_a_trigger_gets_what_clients_get(connect: Connect) -> None:
    worker = await connect("f")
    await bind(worker)
    await put(data={"n": 1})
    [event] = await heard(worker, 1)
    timestamp = event.pop("timestamp")
    assert isinstance(timestamp, int) and timestamp > 1_600_000_000_000
    assert event == {
        "type": "stream",
        "seq": 1,
        "streamName": "todos",
        "groupId": "inbox",
        "id": "a",
        "event": {"type": "create", "data": {"n": 1}},
    }


async def test_every_change_fires_and_what_changes_nothing_does_not(connect: Connect) -> None:
    worker = await connect("f")
    await bind(worker)
    await put(data=1)
    await put(data=1)
    await ainvoke("stream::update", {**ITEM, "ops": [{"type": "set", "path": "", "value": 2}]})
    await ainvoke("stream::delete", ITEM)
    await ainvoke("stream::delete", ITEM)
    await ainvoke("stream::get", ITEM)
    await ainvoke("stream::send", {**GROUP, "type": "typing", "data": {"who": "ada"}})
    events = await heard(worker, 5)
    assert kinds(events) == ["create", "update", "update", "delete", "event"]
    assert [event["event"].get("data") for event in events[:4]] == [1, 1, 2, 2]
    assert events[4]["event"]["event"] == {"type": "typing", "data": {"who": "ada"}}
    assert events[4]["id"] is None


async def test_a_null_is_an_old_value(connect: Connect) -> None:
    worker = await connect("f")
    await bind(worker)
    await put(data=None)
    await put(data=None)
    assert kinds(await heard(worker, 2)) == ["create", "update"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"stream_name": "todos"}, ["a", "b", None, "a"]),
        ({"channel": "todos"}, ["a", "b", None, "a"]),
        ({"stream_name": "todos", "group_id": "", "item_id": ""}, ["a", "b", None, "a"]),
        ({"stream_name": "todos", "group_id": None, "item_id": None}, ["a", "b", None, "a"]),
        ({"stream_name": "todos", "group_id": "inbox"}, ["a", "b", None]),
        ({"stream_name": "todos", "item_id": "a"}, ["a", "a"]),
        ({"stream_name": "todos", "group_id": "inbox", "item_id": "b"}, ["b"]),
        ({"stream_name": "todos", "unknown": [1]}, ["a", "b", None, "a"]),
    ],
)
async def test_a_config_says_which_events(
    connect: Connect, config: dict[str, Any], expected: list[Any]
) -> None:
    worker = await connect("f")
    await bind(worker, **config)
    await put("a")
    await put("b")
    await ainvoke("stream::send", {**GROUP, "type": "x", "data": None})
    await put("a", stream_name="other")
    await put("a", group_id="done")
    events = await heard(worker, len(expected))
    assert sorted(map(str, (event["id"] for event in events))) == sorted(map(str, expected))


async def test_triggers_of_one_event_run_one_after_another(connect: Connect) -> None:
    worker, other = await connect("f"), await connect("g")
    await bind(worker)
    await bind(other, "g")
    await put(data=1)
    await put(data=2)
    [first] = await worker.transport.receive("invokefunction")
    assert other.invocations == []
    await worker.answer(first)
    [second] = await other.transport.receive("invokefunction")
    assert len(worker.invocations) == 1
    await other.answer(second, error={"code": "broken", "message": "no"})
    third = (await worker.transport.receive("invokefunction", 2))[1]
    assert third["data"]["event"] == {"type": "update", "data": 2}


async def test_another_group_does_not_wait(connect: Connect) -> None:
    worker = await connect("f")
    await bind(worker)
    await put()
    await put(group_id="done")
    frames = await worker.transport.receive("invokefunction", 2)
    assert [frame["data"]["groupId"] for frame in frames] == ["inbox", "done"]


async def test_the_caller_does_not_wait_for_triggers(connect: Connect) -> None:
    worker = await connect("f")
    await bind(worker)
    assert (await put())["new_value"] == 1
    assert len(await worker.transport.receive("invokefunction")) == 1


async def test_a_missing_function_stops_nothing(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await connect("f")
    await bind(worker, "missing")
    await bind(worker)
    for number in range(300):
        await ainvoke("stream::send", {**GROUP, "type": "x", "data": number})
    assert "missing not found" in caplog.text
    assert [e["event"]["event"]["data"] for e in await heard(worker, 300)] == list(range(300))


@pytest.mark.parametrize(
    ("answer", "runs"),
    [
        ({"result": False}, False),
        ({"result": True}, True),
        ({"result": 0}, True),
        ({"result": None}, True),
        ({"result": "false"}, True),
        ({"error": {"code": "x", "message": "broken"}}, False),
    ],
)
async def test_a_condition_is_asked_first(
    connect: Connect, answer: dict[str, Any], runs: bool
) -> None:
    worker, judge = await connect("f", "after"), await connect("judge")
    await bind(worker, stream_name="todos", condition_function_id="judge")
    await bind(worker, "after", stream_name="todos")
    await put()
    [asked] = await judge.transport.receive("invokefunction")
    assert asked["data"]["event"] == {"type": "create", "data": 1}
    await judge.answer(asked, **answer)
    await heard(worker, 2 if runs else 1)
    called = [frame["function_id"] for frame in worker.invocations]
    assert called == (["f", "after"] if runs else ["after"])


async def test_a_condition_that_is_not_there_says_no(connect: Connect) -> None:
    worker = await connect("f", "after")
    await bind(worker, stream_name="todos", _condition_path="missing")
    await bind(worker, "after", stream_name="todos")
    await put()
    [frame] = await worker.transport.receive("invokefunction")
    assert frame["function_id"] == "after"


async def test_what_does_not_keep_up_loses_events_and_says_so(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await connect("f")
    await bind(worker)
    with override_settings(III_STREAM_MAX_BACKLOG=2):
        for number in range(5):
            await ainvoke("stream::send", {**GROUP, "type": "x", "data": number})
    assert "do not keep up" in caplog.text
    events = await heard(worker, 3)
    assert [event["event"]["event"]["data"] for event in events] == [0, 1, 2]


async def test_the_metadata_of_the_trigger_goes_along(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "stream", config={"stream_name": "todos"}, metadata={"team": "web"})
    await put()
    assert (await worker.transport.receive("invokefunction"))[0]["metadata"] == {"team": "web"}


async def test_a_trigger_that_ended_fires_no_more(connect: Connect) -> None:
    worker = await connect("f", "g")
    await bind(worker)
    await worker.send("unregistertrigger", id=f"t0-{worker.id}", trigger_type="stream")
    await bind(worker, "g")
    await put()
    assert [frame["function_id"] for frame in await worker.transport.receive("invokefunction")] == [
        "g"
    ]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "stream_name is required for stream triggers"),
        ({"stream_name": 7}, "Failed to deserialize stream trigger"),
        ({"stream_name": "s", "group_id": []}, "Failed to deserialize stream trigger"),
    ],
)
async def test_a_wrong_config_is_refused(
    connect: Connect, config: dict[str, Any], message: str
) -> None:
    worker = await connect("f")
    await worker.bind("t", "stream", config=config)
    error = worker.transport.of_type("triggerregistrationresult")[0]["error"]
    assert error["code"] == "trigger_registration_failed"
    assert message in error["message"]


async def test_a_function_of_the_site_hears_its_channel(engine: Engine) -> None:
    events: list[Any] = []
    declared = [trigger("stream", channel="user-events")]
    engine.functions.add_local(declare(engine.site, "track", events.append, triggers=declared))
    config = {"channel": "user-events"}
    await engine.triggers.register(
        Trigger(id="t", trigger_type="stream", function_id="track", config=config, source="code")
    )
    await ainvoke(
        "stream::send",
        {"stream_name": "user-events", "group_id": "all", "type": "click", "data": {"x": 1}},
    )

    async def arrived() -> bool:
        return bool(events)

    await eventually(arrived)
    assert events[0]["event"] == {"type": "event", "event": {"type": "click", "data": {"x": 1}}}
