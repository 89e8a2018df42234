"""Runs are counted for metrics by trigger type and outcome, whatever the history keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.calls import Call
from iii_triggers.engine.causes import Cause
from iii_triggers.engine.core import Engine
from iii_triggers.engine.history.counts import MAX_TYPES, OTHER, RunCounts
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.errors import FunctionNotFound, IiiError, InvocationFailed
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


class OfTheSite(IiiError):
    """An error that the engine does not know."""


def counted(counts: RunCounts, type_id: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one, outcome, tally in counts.tallies():
        if one == type_id:
            found[outcome] += sum(tally.durations)
    return dict(found)


def call(type_id: str = "t", function_id: str = "f", **fields: Any) -> Call:
    cause = Cause(trigger_type=type_id, trigger_id="1", **fields)
    return Call(function_id=function_id, cause=cause)


@pytest.mark.parametrize("kept", ["all", "failures", "off"])
async def test_every_outcome_is_counted(engine: Engine, connect: Connect, kept: str) -> None:
    worker = await connect("f")
    with override_settings(III_HISTORY=kept, III_HISTORY_EXCLUDE=["f"]):
        for answer in ({"result": 1}, {"result": 2}, {"error": {"code": "E", "message": "m"}}):
            engine.invoker.start(call(), lambda outcome: None)
            await worker.answer(worker.invocations[-1], **answer)
        engine.invoker.start(call(function_id="none"), lambda outcome: None)
        late = call()
        late.timeout_s = 0.001
        with pytest.raises(IiiError):
            await engine.invoker.invoke(late)
        engine.invoker.start(call(), lambda outcome: None)
        await worker.leave()
    assert counted(engine.history.counts, "t") == {
        "succeeded": 2,
        "failed": 1,
        "not_found": 1,
        "timeout": 1,
        "stopped": 1,
    }


async def test_a_delivery_whose_function_is_away_is_no_failure(engine: Engine) -> None:
    engine.invoker.start(call(delivery_id="x"), lambda outcome: None)
    assert counted(engine.history.counts, "t") == {}


async def test_a_run_for_another_node_is_counted_there(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    ended: list[object] = []
    engine.invoker.start_here(call(), ended.append)
    await worker.answer(worker.invocations[-1], result=1)
    assert len(ended) == 1
    assert counted(engine.history.counts, "t") == {}


def test_durations_add_up() -> None:
    counts = RunCounts()
    counts.add(call(), Payload, duration_ms=1.5, bucket=3)
    counts.add(call(), Payload, duration_ms=2.5, bucket=4)
    [(type_id, outcome, tally)] = counts.tallies()
    assert (type_id, outcome, tally.total_ms) == ("t", "succeeded", 4.0)
    assert (tally.durations[3], tally.durations[4], sum(tally.durations)) == (1, 1, 2)


def test_errors_of_the_site_are_failures() -> None:
    counts = RunCounts()
    for error in (OfTheSite(), InvocationFailed()):
        counts.add(call(), error.__class__, duration_ms=1, bucket=0)
    assert counted(counts, "t") == {"failed": 2}


def test_so_many_trigger_types_are_counted_one_by_one() -> None:
    counts = RunCounts()
    for number in range(MAX_TYPES + 50):
        for _ in range(2):
            counts.add(call(f"type-{number}"), Payload, duration_ms=1, bucket=0)
    types = {type_id for type_id, _, _ in counts.tallies()}
    assert len(types) == MAX_TYPES + 1
    assert counted(counts, OTHER) == {"succeeded": 100}
    assert counted(counts, "type-0") == {"succeeded": 2}


def test_functions_are_counted_when_the_site_says_so_and_only_so_many() -> None:
    counts = RunCounts()
    counts.add(call(), Payload, duration_ms=1, bucket=0)
    assert counts.by_function == {}
    with override_settings(III_METRICS_FUNCTIONS=2):
        counts.add(call(function_id="none"), FunctionNotFound, duration_ms=1, bucket=0)
        for name in ("a", "b", "c", "d", "a"):
            counts.add(call(function_id=name), Payload, duration_ms=1, bucket=0)
        counts.add(call(function_id="b"), InvocationFailed, duration_ms=1, bucket=0)
    assert counts.by_function == {
        ("", OTHER, "not_found"): 1,
        ("", OTHER, "succeeded"): 2,
        ("default", "a", "succeeded"): 2,
        ("default", "b", "succeeded"): 1,
        ("default", "b", "failed"): 1,
    }
