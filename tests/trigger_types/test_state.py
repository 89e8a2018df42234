"""``state`` triggers (trigger reference, section 7.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.store.changes import StateChange
from iii_triggers.trigger_types.state import state_changed
from tests.support.eventually import eventually
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

ITEM = {"scope": "s", "key": "k"}


async def put(value: Any, **item: str) -> None:
    await ainvoke("state::set", {**ITEM, **item, "value": value})


async def received(worker: FakeWorker, number: int) -> list[dict[str, Any]]:
    """Return the input of the next calls, each answered as soon as it comes."""
    inputs = []
    for count in range(1, number + 1):
        invocation = (await worker.transport.receive("invokefunction", count))[count - 1]
        inputs.append(invocation["data"])
        await worker.answer(invocation, result=None)
    return inputs


async def settled(engine: Engine) -> None:
    """Wait until everything that was caused has been told."""
    await ainvoke("state::get", ITEM)
    await engine.invoker.wait_idle(5)


async def test_a_change_is_told_with_both_values(connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "state", config={"scope": "s"})
    await put({"n": 1})
    await put({"n": 1})
    await ainvoke("state::update", {**ITEM, "ops": [{"type": "set", "path": "", "value": None}]})
    await ainvoke("state::delete", ITEM)
    await ainvoke("state::delete", ITEM)
    told = [
        (one["event_type"], one["old_value"], one["new_value"]) for one in await received(worker, 5)
    ]
    assert told == [
        ("state:created", None, {"n": 1}),
        ("state:updated", {"n": 1}, {"n": 1}),
        ("state:updated", {"n": 1}, None),
        ("state:deleted", None, None),
        ("state:deleted", None, None),
    ]
    first = worker.invocations[0]["data"]
    assert list(first) == ["type", "event_type", "scope", "key", "old_value", "new_value"]
    assert (first["type"], first["scope"], first["key"]) == ("state", "s", "k")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, ["s/k", "s/other", "/k", "S/k"]),
        ({}, ["s/k", "s/other", "/k", "S/k"]),
        ({"scope": None}, ["s/k", "s/other", "/k", "S/k"]),
        ({"scope": "s"}, ["s/k", "s/other"]),
        ({"key": "k"}, ["s/k", "/k", "S/k"]),
        ({"scope": "s", "key": "k"}, ["s/k"]),
        ({"scope": ""}, ["/k"]),
        ({"key": ""}, []),
    ],
)
async def test_scope_and_key_are_matched_exactly(
    engine: Engine, connect: Connect, config: Any, expected: list[str]
) -> None:
    worker = await connect("f")
    await worker.bind("t", "state", config=config)
    for item in (("s", "k"), ("s", "other"), ("", "k"), ("S", "k")):
        await put(1, scope=item[0], key=item[1])
    told = await received(worker, len(expected))
    await settled(engine)
    assert sorted(f"{one['scope']}/{one['key']}" for one in told) == sorted(expected)
    assert len(worker.invocations) == len(expected)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"scope": 1}, "scope must be a string"),
        ({"key": []}, "key must be a string"),
        ({"condition_function_id": {}}, "condition_function_id must be the id of a function"),
    ],
)
async def test_a_config_of_the_wrong_shape_is_refused(
    connect: Connect, config: Any, reason: str
) -> None:
    worker = await connect("f")
    await worker.bind("t", "state", config=config)
    error = worker.transport.of_type("triggerregistrationresult")[0]["error"]
    assert error["code"] == "trigger_registration_failed"
    assert error["message"] == f"Failed to parse trigger config: {reason}"


@pytest.mark.parametrize(
    ("answer", "runs"),
    [(False, False), (True, True), (0, True), ("false", True), (None, True), ("error", False)],
)
async def test_a_condition_is_asked_first(
    engine: Engine, connect: Connect, answer: Any, runs: bool
) -> None:
    worker = await connect("f", "c")
    await worker.bind("t", "state", config={"condition_function_id": "c"})
    await put(1)
    (asked,) = await worker.transport.receive("invokefunction")
    assert (asked["function_id"], asked["data"]["new_value"]) == ("c", 1)
    outcome = {"error": {"code": "x", "message": "y"}} if answer == "error" else {"result": answer}
    await worker.answer(asked, **outcome)
    if runs:
        (_, run) = await worker.transport.receive("invokefunction", 2)
        assert (run["function_id"], run["data"]) == ("f", asked["data"])
        await worker.answer(run, result=None)
    await settled(engine)
    assert len(worker.invocations) == (2 if runs else 1)


async def test_nobody_waits_for_a_trigger_and_changes_of_an_item_are_told_in_order(
    connect: Connect,
) -> None:
    worker = await connect("f")
    await worker.bind("t", "state", config={})
    for number in range(20):
        await put(number)
    assert len(worker.invocations) == 1
    assert [one["new_value"] for one in await received(worker, 20)] == list(range(20))


async def test_an_item_does_not_wait_for_another(connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "state", config={})
    await put(1, key="slow")
    await put(2, key="quick")
    told = await worker.transport.receive("invokefunction", 2)
    assert [frame["data"]["key"] for frame in told] == ["slow", "quick"]


async def test_triggers_of_a_change_run_one_after_another_and_none_stops_the_next(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect("f", "g")
    await worker.bind("1", "state", function_id="f")
    await worker.bind("2", "state", function_id="missing")
    await worker.bind("3", "state", function_id="g")
    await put(1)
    (first,) = await worker.transport.receive("invokefunction")
    await ainvoke("state::get", ITEM)
    assert [frame["function_id"] for frame in worker.invocations] == ["f"]
    await worker.answer(first, error={"code": "x", "message": "y"})
    (_, second) = await worker.transport.receive("invokefunction", 2)
    assert second["function_id"] == "g"
    await worker.answer(second, result=None)
    await settled(engine)


async def test_a_function_that_hangs_stops_others_until_its_deadline_only(
    connect: Connect, settings: Any
) -> None:
    settings.III_DEFAULT_TIMEOUT_MS = 500
    worker = await connect("f", "g")
    await worker.bind("1", "state", function_id="f")
    await worker.bind("2", "state", function_id="g")
    await put(1)
    frames = await worker.transport.receive("invokefunction", 2)
    assert [frame["function_id"] for frame in frames] == ["f", "g"]


async def test_what_waits_for_one_item_is_limited(
    connect: Connect, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.III_STATE_MAX_BACKLOG = 2
    worker = await connect("f")
    await worker.bind("t", "state")
    for number in range(5):
        await put(number)
    assert [one["new_value"] for one in await received(worker, 3)] == [0, 1, 2]
    assert caplog.text.count("missed an event") == 2


async def test_a_trigger_that_ended_is_told_nothing(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "state")
    await worker.send("unregistertrigger", id="t", trigger_type="state")
    await put(1)
    await settled(engine)
    assert worker.invocations == []


async def test_the_metadata_of_the_trigger_goes_along(connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "state", metadata={"team": "web"})
    await put(1)
    (frame,) = await worker.transport.receive("invokefunction")
    assert frame["metadata"] == {"team": "web"}


async def test_the_key_value_server_fires_nothing(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "state")
    await ainvoke("kv_server::set", {"index": "s", "key": "k", "value": 1})
    await settled(engine)
    assert worker.invocations == []


async def test_what_fails_fires_nothing(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "state")
    for key in ("", "x" * 513):
        await worker.call("state::set", {"scope": "s", "key": key, "value": 1})
    await settled(engine)
    assert worker.invocations == []


async def test_a_function_of_the_site_may_write_what_it_watches(engine: Engine) -> None:
    seen: list[Any] = []

    async def count(change: Any) -> None:
        seen.append(change["new_value"])
        if change["new_value"] < 3:
            await put(change["new_value"] + 1)

    engine.functions.add_local(declare(engine.site, "count", count))
    worker = FakeWorker(engine)
    await worker.introduce()
    await worker.bind("t", "state", function_id="count")
    await put(1)

    async def counted() -> bool:
        return seen == [1, 2, 3]

    await eventually(counted)


async def test_a_change_that_the_site_made_by_itself_is_told(connect: Connect) -> None:
    worker = await connect("f")
    await worker.bind("t", "state", config={"scope": "s"})
    change = StateChange(scope="s", key="k", old=b"1", new=b"2")
    await asyncio.to_thread(state_changed, change)
    (told,) = await received(worker, 1)
    assert (told["event_type"], told["old_value"], told["new_value"]) == ("state:updated", 1, 2)


async def test_what_waits_is_given_up_when_the_engine_stops(
    engine: Engine, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await connect("f")
    await worker.bind("t", "state")
    for number in range(5):
        await put(number)
    await engine.stop()
    assert len(worker.invocations) == 1
    assert caplog.text.count("Trigger t failed: Invocation stopped") == 1
    assert "not found" not in caplog.text
