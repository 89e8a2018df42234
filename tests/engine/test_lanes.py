"""Firing in order, beside each other, and only so much."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec import Raw

from iii_triggers.engine import lanes
from iii_triggers.engine.core import Engine
from iii_triggers.engine.lanes import Firing, Lanes
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.messages import InvocationResult
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


def firing(data: bytes, function_id: str = "f", **options: Any) -> Firing:
    trigger = Trigger(id="t", trigger_type="x", function_id=function_id, source="admin")
    return Firing(trigger=trigger, data=data, **options)


@pytest.fixture
def lane(engine: Engine) -> Lanes:
    return Lanes(invoker=engine.invoker, limit=lambda: 2)


async def ran(worker: FakeWorker, number: int) -> list[Any]:
    """Answer the next calls and return the input of all."""
    for count in range(1, number + 1):
        frames = await worker.transport.receive("invokefunction", count)
        await worker.answer(frames[count - 1])
    return [frame["data"] for frame in worker.invocations]


async def test_one_lane_waits_and_another_does_not(lane: Lanes, connect: Connect) -> None:
    worker = await connect("f")
    assert lane.add("a", [firing(b"1"), firing(b"2")])
    assert lane.add("b", [firing(b"3")])
    assert [frame["data"] for frame in worker.invocations] == [1, 3]
    assert await ran(worker, 3) == [1, 3, 2]


async def test_what_has_no_room_is_dropped_as_a_whole(lane: Lanes, connect: Connect) -> None:
    worker = await connect("f")
    assert lane.add("a", [firing(b"1"), firing(b"2")])
    assert not lane.add("a", [firing(b"3"), firing(b"4")])
    assert lane.add("a", [firing(b"5")])
    assert await ran(worker, 3) == [1, 2, 5]


async def test_an_empty_lane_takes_any_number(lane: Lanes, connect: Connect) -> None:
    worker = await connect("f")
    assert lane.add("a", [firing(b"%d" % number) for number in range(5)])
    assert await ran(worker, 5) == list(range(5))


async def test_all_lanes_together_hold_only_so_much(
    lane: Lanes, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await connect("f")
    monkeypatch.setattr(lanes, "MAX_WAITING_BYTES", 10)
    assert lane.add("a", [firing(b"1"), firing(b'"12345678"')])
    assert not lane.add("a", [firing(b"2")])
    assert lane.add("b", [firing(b"3")])
    assert await ran(worker, 3) == [1, 3, "12345678"]
    assert lane._bytes == 0
    assert lane._lanes == {}


async def test_a_long_lane_whose_function_is_gone_empties_without_recursion(lane: Lanes) -> None:
    assert lane.add("a", [firing(b"1", "missing", condition="no")] * 5000)
    assert lane._lanes == {}


async def test_a_lane_that_is_cleared_finishes_only_what_runs(
    lane: Lanes, connect: Connect
) -> None:
    worker = await connect("f")
    lane.add("a", [firing(b"1"), firing(b"2")])
    lane.clear()
    assert await ran(worker, 1) == [1]
    assert lane.add("a", [firing(b"3")])
    assert await ran(worker, 2) == [1, 3]


async def test_an_answer_of_a_condition_that_nobody_can_read_holds_nothing_up(
    lane: Lanes, connect: Connect
) -> None:
    worker = await connect("f", "asked")
    assert lane.add("a", [firing(b"1", condition="asked"), firing(b"2")])
    (question,) = await worker.transport.receive("invokefunction")
    # JSON of the wire that is beyond what a number can be here.
    message = InvocationResult(
        invocation_id=question["invocation_id"], function_id="asked", result=Raw(b"1e999")
    )
    engine = worker.engine
    engine.invoker.accept_result(worker.connection, message)
    assert [frame["data"] for frame in worker.invocations] == [1, 2]
    await worker.answer(worker.invocations[1])
    assert lane._lanes == {}
