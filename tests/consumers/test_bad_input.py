"""Bad input, row by row (protocol reference, section 3.15), and the repairs of section 2.1.

Every row: what is answered, and that the connection stays and goes on working.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.consumers import WorkerConsumer
from iii_triggers.engine.core import Engine
from tests.support.asgi import Event, Socket

REGISTER = "engine::workers::register"


@asynccontextmanager
async def worker(name: str = "w", **facts: Any) -> AsyncIterator[Socket]:
    """Connect a worker that has introduced itself."""
    async with Socket(WorkerConsumer()) as socket:
        await socket.greeting()
        await introduce(socket, name, **facts)
        yield socket


async def introduce(socket: Socket, name: str, **facts: Any) -> Event:
    data = {"name": name, "pid": 1, "version": "0.25.0", "runtime": "python", **facts}
    return await called(socket, REGISTER, data, invocation_id="introduction")


async def called(socket: Socket, function_id: str, data: Any, **fields: Any) -> Event:
    """Call a function and return the frame that answers."""
    call = {"type": "invokefunction", "function_id": function_id, "data": data}
    socket.send({**call, **fields})
    return await socket.frame()


async def stays(socket: Socket) -> None:
    """See that nothing was answered and the connection goes on working."""
    await socket.pong()
    assert socket.is_silent()
    listed = await called(socket, "engine::functions::list", {}, invocation_id="still there")
    assert listed["invocation_id"] == "still there"
    assert "error" not in listed


def trigger(**fields: Any) -> Event:
    """A trigger that can be registered, changed."""
    binding = {"id": "t", "trigger_type": "http", "function_id": "f", "config": {"api_path": "x"}}
    return {"type": "registertrigger", **binding, **fields}


@dataclass(frozen=True)
class Row:
    """A row of section 3.15 that no reply is given to."""

    name: str
    frames: tuple[str | bytes | Event, ...]


UNANSWERED = (
    Row("malformed JSON", ('{"type":"ping"', "nonsense", b"\xff\xfe", "[1,2]", "NaN")),
    Row("unknown type", ({"type": "observe"}, {"type": ""}, {"type": None}, {"id": "x"})),
    Row(
        "missing field",
        (
            {"type": "invokefunction", "invocation_id": "i", "data": {}},
            {"type": "registerfunction", "description": "no id"},
            {"type": "unregisterfunction"},
            {"type": "registertrigger", "id": "t", "trigger_type": "http"},
            {"type": "registertrigger", "trigger_type": "http", "function_id": "f"},
            {"type": "unregistertrigger", "trigger_type": "http"},
            {"type": "registertriggertype", "description": "no id"},
            {"type": "unregistertriggertype"},
            {"type": "triggerregistrationresult", "trigger_type": "x"},
            {"type": "reattach", "reattach_token": "t"},
            {"type": "registerservice", "name": "no id"},
        ),
    ),
    Row(
        "blank namespace on invoke without id",
        ({"type": "invokefunction", "function_id": "f", "data": {}, "namespace": " "},),
    ),
    Row(
        "unknown function, no id or void",
        (
            {"type": "invokefunction", "function_id": "nobody", "data": {}},
            {
                "type": "invokefunction",
                "function_id": "nobody",
                "data": {},
                "invocation_id": "i",
                "action": {"type": "void"},
            },
        ),
    ),
    Row("unknown trigger type", (trigger(id="parked", trigger_type="not-yet"),)),
    Row("trigger for unknown function", (trigger(id="bound", function_id="nobody"),)),
    Row(
        "unregister of unknown function, trigger and type",
        (
            {"type": "unregisterfunction", "id": "nobody"},
            {"type": "unregistertrigger", "id": "nothing", "trigger_type": "http"},
            {"type": "unregistertriggertype", "id": "no-type"},
        ),
    ),
    Row(
        "result for unknown invocation",
        (
            {"type": "invocationresult", "invocation_id": "never", "function_id": "f"},
            {"type": "invocationresult", "invocation_id": "never", "result": {"x": 1}},
            {"type": "invocationresult", "invocation_id": "never", "error": {"code": "E"}},
        ),
    ),
    Row(
        "inbound workerregistered, registrationrejected and pong",
        (
            {"type": "workerregistered", "worker_id": "w", "reattach_token": "t"},
            {"type": "registrationrejected", "code": "c", "namespace": "default"},
            {"type": "pong"},
        ),
    ),
)


@pytest.mark.parametrize("row", UNANSWERED, ids=lambda row: row.name)
async def test_no_reply_and_the_connection_stays(engine: Engine, row: Row) -> None:
    async with worker() as socket:
        for frame in row.frames:
            socket.send(frame)
        await stays(socket)


async def test_blank_namespace_on_invoke_with_id_is_a_result_with_invalid_namespace(
    engine: Engine,
) -> None:
    async with worker() as socket:
        answer = await called(socket, "f", {}, invocation_id="i", namespace=" ")
        assert (answer["type"], answer["invocation_id"]) == ("invocationresult", "i")
        assert answer["error"]["code"] == "INVALID_NAMESPACE"
        await stays(socket)


@pytest.mark.parametrize("key", ["namespace", "trigger_namespace"])
async def test_blank_namespace_on_registertrigger_is_refused(engine: Engine, key: str) -> None:
    async with worker() as socket:
        socket.send(trigger(**{key: "  "}))
        refusal = await socket.frame()
        assert refusal["error"]["code"] == "INVALID_NAMESPACE"
        assert (refusal["type"], refusal["id"]) == ("triggerregistrationresult", "t")
        assert engine.triggers.get("t") is None
        await stays(socket)


async def test_unknown_function_with_id_is_not_found(engine: Engine) -> None:
    async with worker() as socket:
        answer = await called(socket, "nobody", {}, invocation_id="i")
        assert (answer["invocation_id"], answer["error"]["code"]) == ("i", "function_not_found")
        await stays(socket)


async def test_unknown_function_to_enqueue_gets_a_receipt(engine: Engine) -> None:
    action = {"type": "enqueue", "queue": "default"}
    async with worker() as socket:
        answer = await called(socket, "nobody", {"x": 1}, invocation_id="i", action=action)
        assert "error" not in answer
        assert set(answer["result"]) == {"messageReceiptId"}
        await stays(socket)


async def test_unknown_trigger_type_is_parked_until_it_comes(engine: Engine) -> None:
    async with worker() as socket, worker("provider") as provider:
        socket.send(trigger(trigger_type="later"))
        await stays(socket)
        parked = engine.triggers.get("t")
        assert parked is not None
        assert parked.state == "parked"
        provider.send({"type": "registertriggertype", "id": "later", "description": ""})
        handed = await provider.frame()
        assert (handed["type"], handed["id"]) == ("registertrigger", "t")


async def test_duplicate_trigger_id_replaces(engine: Engine) -> None:
    async with worker() as socket:
        for path in ("one", "two"):
            socket.send(trigger(config={"api_path": path}))
        await stays(socket)
        [found] = engine.triggers.active("http")
        assert found.config == {"api_path": "two"}


async def test_duplicate_function_id_of_the_same_worker_overwrites(engine: Engine) -> None:
    async with worker() as socket:
        for description in ("old", "new"):
            socket.send({"type": "registerfunction", "id": "f", "description": description})
        await stays(socket)
        [offer] = engine.functions.offers_of(("default", "f"))
        assert offer.info.description == "new"


async def test_duplicate_function_id_of_another_worker_is_shared_by_default(
    engine: Engine,
) -> None:
    async with worker("one") as one, worker("two") as two:
        for socket in (one, two):
            socket.send({"type": "registerfunction", "id": "f"})
            await stays(socket)
        assert len(engine.functions.offers_of(("default", "f"))) == 2


async def test_duplicate_function_id_of_another_worker_is_rejected_where_the_site_says_so(
    engine: Engine,
) -> None:
    with override_settings(III_FUNCTION_CONFLICT="reject"):
        async with worker("one") as one, worker("two") as two:
            one.send({"type": "registerfunction", "id": "f"})
            await stays(one)
            two.send({"type": "registerfunction", "id": "f"})
            refusal = await two.frame()
            assert refusal["type"] == "registrationrejected"
            assert refusal["code"] == "FUNCTION_NAMESPACE_CONFLICT"
            assert refusal["function_id"] == "f"
            await stays(two)


async def test_duplicate_worker_name_is_rejected_and_closed_where_the_site_says_so(
    engine: Engine,
) -> None:
    with override_settings(III_FUNCTION_CONFLICT="reject"):
        async with worker("same"), Socket(WorkerConsumer()) as second:
            await second.greeting()
            refusal = await introduce(second, "same", pid=2)
            assert refusal["type"] == "registrationrejected"
            assert refusal["code"] == "WORKER_NAMESPACE_CONFLICT"
            assert await second.close_code() not in (1000, 1001, 1005)


async def test_failed_authentication_is_an_error_and_a_close(engine: Engine) -> None:
    async with Socket(WorkerConsumer(), client="10.0.0.1") as socket:
        error = await socket.greeting()
        assert (error["type"], error["error"]["code"]) == ("error", "AUTH_ERROR")
        assert await socket.close_code() not in (1000, 1001, 1005)


# Section 2.1


async def test_invokefunction_without_data_is_a_call_with_null(engine: Engine) -> None:
    async with worker() as socket:
        socket.send({"type": "registerfunction", "id": "f"})
        socket.send({"type": "invokefunction", "function_id": "f", "invocation_id": "i"})
        assert (await socket.frame())["data"] is None


async def test_registertrigger_without_config_has_null(engine: Engine) -> None:
    async with worker() as provider, worker("two") as socket:
        provider.send({"type": "registertriggertype", "id": "ev", "description": ""})
        await provider.pong()
        bare = trigger(trigger_type="ev")
        del bare["config"]
        socket.send(bare)
        assert (await provider.frame())["config"] is None


@pytest.mark.parametrize("error", [{}, {"code": "E"}, {"message": None}, {"code": None}])
async def test_an_error_without_message_reaches_the_caller(
    engine: Engine, error: dict[str, Any]
) -> None:
    async with worker() as socket:
        socket.send({"type": "registerfunction", "id": "f"})
        invocation = await called(socket, "f", {}, invocation_id="i")
        id_ = invocation["invocation_id"]
        socket.send({"type": "invocationresult", "invocation_id": id_, "error": error})
        answer = await socket.frame()
        assert answer["invocation_id"] == "i"
        assert isinstance(answer["error"]["message"], str)
        assert isinstance(answer["error"]["code"], str)


@pytest.mark.parametrize("given", [{}, {"invocation_id": None}, {"result": 1}])
async def test_invocationresult_without_invocation_id_is_ignored(
    engine: Engine, given: dict[str, Any]
) -> None:
    async with worker() as socket:
        socket.send({"type": "invocationresult", "function_id": "f", **given})
        await stays(socket)
        [connection] = engine.connections.values()
        assert connection.malformed_frames == 0


Effect = Callable[[Engine], bool]


@pytest.mark.parametrize(
    ("frame", "is_done"),
    [
        (trigger(), lambda engine: engine.triggers.get("t") is not None),
        (
            {"type": "unregistertrigger", "id": "old"},
            lambda engine: engine.triggers.get("old") is None,
        ),
        (
            {"type": "triggerregistrationresult", "id": "old", "trigger_type": "http"},
            lambda engine: engine.triggers.get("old") is not None,
        ),
    ],
    ids=["registertrigger", "unregistertrigger", "triggerregistrationresult"],
)
async def test_a_message_type_key_is_ignored(engine: Engine, frame: Event, is_done: Effect) -> None:
    async with worker() as socket:
        socket.send(trigger(id="old", config={"api_path": "old"}))
        socket.send({**frame, "message_type": frame["type"]})
        await stays(socket)
        assert is_done(engine)


async def test_registertriggertype_without_description_has_an_empty_one(engine: Engine) -> None:
    async with worker() as socket:
        socket.send({"type": "registertriggertype", "id": "ev"})
        await stays(socket)
        [type_] = [type_ for type_ in engine.triggers.types() if type_.id == "ev"]
        assert type_.description == ""


async def test_registerservice_without_name_is_taken(engine: Engine) -> None:
    async with worker() as socket:
        socket.send({"type": "registerservice", "id": "s"})
        await stays(socket)
        [connection] = engine.connections.values()
        assert connection.malformed_frames == 0


async def test_unregistertriggertype_ends_the_type(engine: Engine) -> None:
    async with worker() as socket:
        socket.send({"type": "registertriggertype", "id": "ev"})
        socket.send({"type": "unregistertriggertype", "id": "ev"})
        await stays(socket)
        assert "ev" not in [type_.id for type_ in engine.triggers.types()]
