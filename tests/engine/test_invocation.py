"""Calls between workers, the engine and the site (protocol reference, section 4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.calls import Call
from iii_triggers.engine.core import Engine
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.errors import InvocationFailed
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


async def test_a_worker_calls_a_function_of_another_worker(connect: Connect) -> None:
    caller, executor = await connect(), await connect("add")
    await caller.start_call("add", {"a": 1}, invocation_id="i1", traceparent="00-aa", baggage="b=1")
    [invocation] = executor.invocations
    assert invocation["function_id"] == "add"
    assert invocation["traceparent"] == "00-aa"
    assert invocation["baggage"] == "b=1"
    await executor.answer(invocation, function_id="other::id", result={"sum": 1})
    assert caller.results[-1] == {
        "type": "invocationresult",
        "invocation_id": "i1",
        "function_id": "add",
        "result": {"sum": 1},
        "traceparent": "00-aa",
        "baggage": "b=1",
    }


async def test_the_engine_calls_a_function_of_a_worker(engine: Engine, connect: Connect) -> None:
    executor = await connect("add")
    futures: list[Any] = []
    call = Call(function_id="add", data=Payload.of([1, 2]), metadata={"m": 1})
    engine.invoker.start(call, futures.append)
    [invocation] = executor.invocations
    assert invocation["data"] == [1, 2]
    assert invocation["metadata"] == {"m": 1}
    await executor.answer(invocation, result=3)
    assert futures[0].value() == 3


async def test_a_call_without_data_is_sent_with_null(connect: Connect) -> None:
    caller, executor = await connect(), await connect("f")
    await caller.send("invokefunction", function_id="f", invocation_id="i1")
    assert executor.invocations[0]["data"] is None


@pytest.mark.parametrize(
    "spelling",
    [
        {},
        {"action": {"type": "void"}},
        {"invocation_id": "i1", "action": {"type": "void"}},
    ],
)
async def test_a_call_nobody_waits_for_is_run_and_not_answered(
    connect: Connect, spelling: dict[str, Any]
) -> None:
    caller, executor = await connect(), await connect("f")
    before = len(caller.transport.frames)
    await caller.start_call("f", {"x": 1}, **spelling)
    [invocation] = executor.invocations
    assert invocation["invocation_id"]
    await executor.answer(invocation, result=1)
    await caller.start_call("missing", **spelling)
    assert caller.transport.frames[before:] == []


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        ({"a": 1}, {"a": 1, "_caller_worker_id": "ID"}),
        ({}, {"_caller_worker_id": "ID"}),
        ({"_caller_worker_id": "forged", "a": 1}, {"a": 1, "_caller_worker_id": "ID"}),
        ([1], [1]),
        ("text", "text"),
        (7, 7),
        (None, None),
    ],
)
async def test_only_objects_are_told_who_called(connect: Connect, data: Any, seen: Any) -> None:
    caller, executor = await connect(), await connect("f")
    await caller.start_call("f", data, invocation_id="i1")
    if isinstance(seen, dict):
        seen = {**seen, "_caller_worker_id": caller.id}
    assert executor.invocations[0]["data"] == seen


async def test_a_call_of_the_engine_names_no_caller(engine: Engine, connect: Connect) -> None:
    executor = await connect("f")
    engine.invoker.start(Call(function_id="f", data=Payload.of({"a": 1})), lambda outcome: None)
    assert executor.invocations[0]["data"] == {"a": 1}


async def test_an_unknown_function_is_answered_with_where_it_is(
    engine: Engine, connect: Connect
) -> None:
    caller, _ = await connect(), await connect("f")
    result = await caller.call("f", namespace="tenant")
    assert result["error"] == {
        "code": "function_not_found",
        "message": "Function f not found in namespace tenant. "
        "It is registered in namespace(s): default.",
    }
    assert engine.invoker.in_flight == 0


async def test_a_blank_namespace_is_refused(connect: Connect) -> None:
    caller = await connect("f")
    result = await caller.call("f", namespace="  ")
    assert result["error"]["code"] == "INVALID_NAMESPACE"


async def test_an_unknown_action_and_a_queue_that_is_not_there_are_refused(
    connect: Connect,
) -> None:
    caller = await connect("f")
    result = await caller.call("f", action={"type": "teleport"})
    assert result["error"]["code"] == "INVALID_ARGUMENTS"
    result = await caller.call("f", action={"type": "enqueue", "queue": "mail"})
    assert result["error"]["code"] == "enqueue_error"
    assert result["error"]["message"] == "Queue 'mail' not found"


async def test_a_worker_that_calls_itself_does_not_block(connect: Connect) -> None:
    worker = await connect("outer", "inner")
    await worker.start_call("outer", invocation_id="o")
    await worker.start_call("inner", invocation_id="i")
    outer, inner = worker.invocations
    await worker.answer(inner, result="in")
    await worker.answer(outer, result="out")
    answers = {result["invocation_id"]: result["result"] for result in worker.results[-2:]}
    assert answers == {"i": "in", "o": "out"}


@pytest.mark.parametrize("outcome", [{}, {"result": None}])
async def test_no_result_and_null_both_reach_the_caller_as_no_result(
    connect: Connect, outcome: dict[str, Any]
) -> None:
    caller, executor = await connect(), await connect("f")
    await caller.start_call("f", invocation_id="i1")
    await executor.answer(executor.invocations[0], **outcome)
    assert "result" not in caller.results[-1]
    assert "error" not in caller.results[-1]


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        ({"code": "E", "message": "m"}, {"code": "E", "message": "m"}),
        ({"code": "E"}, {"code": "E", "message": "Unknown error"}),
        ({"message": "m"}, {"code": "invocation_failed", "message": "m"}),
        ("text", {"code": "invocation_failed", "message": "text"}),
        (
            {"code": 5, "message": {"a": 1}, "stacktrace": 3},
            {"code": "invocation_failed", "message": '{"a":1}'},
        ),
        (
            {"code": "E", "message": "m", "stacktrace": "s"},
            {"code": "E", "message": "m", "stacktrace": "s"},
        ),
    ],
)
async def test_an_error_reaches_the_caller_in_the_shape_the_protocol_promises(
    connect: Connect, error: Any, seen: Any
) -> None:
    caller, executor = await connect(), await connect("f")
    await caller.start_call("f", invocation_id="i1")
    await executor.answer(executor.invocations[0], result=1, error=error)
    assert caller.results[-1]["error"] == seen
    assert "result" not in caller.results[-1]


async def test_the_limit_of_calls_in_flight_is_an_error_and_the_others_go_on(
    connect: Connect,
) -> None:
    caller, executor = await connect(), await connect("f")
    with override_settings(III_MAX_IN_FLIGHT_PER_WORKER=1):
        await caller.start_call("f", invocation_id="i1")
        await caller.start_call("f", invocation_id="i2")
        assert caller.results[-1]["error"]["code"] == "LIMIT_EXCEEDED"
        await executor.answer(executor.invocations[0], result=1)
        await caller.start_call("f", invocation_id="i3")
    assert len(executor.invocations) == 2


async def test_data_too_large_for_an_old_python_sdk_is_an_error_and_its_connection_lives(
    connect: Connect,
) -> None:
    caller = await connect()
    old = await connect("f", runtime="python", version="0.9.0")
    result = await caller.call("f", "x" * (1024 * 1024))
    assert result["error"]["code"] == "payload_too_large"
    assert old.transport.close_code is None
    await caller.start_call("f", "x" * (1024 * 1024 - 1000))
    assert len(old.invocations) == 1


async def test_a_result_too_large_for_an_old_python_sdk_is_an_error(connect: Connect) -> None:
    old, executor = await connect(runtime="python", version="0.24.0"), await connect("f")
    await old.start_call("f", invocation_id="i1")
    await executor.answer(executor.invocations[0], result="é" * (600 * 1024))
    assert old.results[-1]["error"]["code"] == "payload_too_large"
    assert old.transport.close_code is None


@pytest.mark.parametrize(
    "facts",
    [
        {"runtime": "python", "version": "0.24.6"},
        {"runtime": "node", "version": "0.2.1"},
        {"runtime": "python", "version": "dev"},
    ],
)
async def test_other_sdks_take_large_frames(connect: Connect, facts: dict[str, str]) -> None:
    caller, executor = await connect(), await connect("f", **facts)
    await caller.start_call("f", "x" * (2 * 1024 * 1024))
    assert len(executor.invocations) == 1


async def test_invoke_raises_the_error_of_the_function(engine: Engine, connect: Connect) -> None:
    executor = await connect("f")
    failures: list[Any] = []
    engine.invoker.start(Call(function_id="f"), failures.append)
    error = {"code": "E", "message": "m", "stacktrace": "s"}
    await executor.answer(executor.invocations[0], error=error)
    assert isinstance(failures[0], InvocationFailed)
    assert (failures[0].code, failures[0].message, failures[0].stacktrace) == ("E", "m", "s")
