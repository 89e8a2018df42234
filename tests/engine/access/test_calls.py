"""Calls of workers under rules (protocol reference, sections 4.1, 9.4 and 9.6)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from iii_triggers.engine.access.rules import Rules
from iii_triggers.engine.access.sessions import Session
from iii_triggers.engine.core import Engine
from iii_triggers.protocol.codec import decode
from tests.support.eventually import eventually
from tests.support.workers import FakeWorker

from .conftest import Guest, rules

SILENCE_S = 0.05

PUBLIC = rules('match("public::*")')
ALL = rules('match("*")', forbidden_functions=("secret",))


async def error_of(worker: FakeWorker, function_id: str, data: Any = None, **fields: Any) -> Any:
    return (await worker.call(function_id, data, **fields)).get("error")


async def test_an_exposed_function_can_be_called(connect: Any, guest: Guest) -> None:
    host, caller = await connect("public::f"), await guest(PUBLIC)
    await caller.start_call("public::f", {"a": 1}, invocation_id="i")
    (invocation,) = await host.transport.receive("invokefunction")
    assert invocation["data"] == {"a": 1, "_caller_worker_id": caller.id}
    await host.answer(invocation, result=7)
    assert (await caller.transport.receive("invocationresult", 2))[1]["result"] == 7


@pytest.mark.parametrize(
    "function_id", ["private::f", "nobody::has::it", "engine::functions::list"]
)
async def test_another_is_forbidden_whether_it_exists_or_not(
    connect: Any, guest: Guest, function_id: str
) -> None:
    host, caller = await connect("private::f"), await guest(PUBLIC)
    assert await error_of(caller, function_id) == {
        "code": "FORBIDDEN",
        "message": f"function '{function_id}' not allowed (add to rbac.expose_functions)",
    }
    assert host.invocations == []


async def test_a_forbidden_one_says_so(connect: Any, guest: Guest) -> None:
    await connect("secret")
    assert await error_of(await guest(ALL), "secret") == {
        "code": "FORBIDDEN",
        "message": "function 'secret' not allowed (remove from rbac.forbidden_functions)",
    }


@pytest.mark.parametrize("fields", [{}, {"action": {"type": "void"}}])
async def test_a_refusal_is_answered_to_who_waits_for_nothing(guest: Guest, fields: Any) -> None:
    caller = await guest(PUBLIC)
    await caller.start_call("private", **fields)
    _, result = await caller.transport.receive("invocationresult", 2)
    assert result["invocation_id"]
    assert result["error"]["code"] == "FORBIDDEN"


async def test_a_blank_namespace_comes_first(guest: Guest) -> None:
    error = await error_of(await guest(PUBLIC), "private", namespace=" ")
    assert error["code"] == "INVALID_NAMESPACE"


async def test_infrastructure_is_always_there(guest: Guest) -> None:
    caller = await guest(rules())
    assert await error_of(caller, "engine.log.info", {"message": "x"}) is None
    assert await error_of(caller, "engine::channels::create", {}) is None
    error = await error_of(caller, "engine::channels::create", {}, namespace="elsewhere")
    assert error is None


async def test_metadata_exposes_as_it_is_now(engine: Engine, guest: Guest, connect: Any) -> None:
    host, caller = await connect(), await guest(rules({"metadata": {"public": True}}))
    await host.send("registerfunction", id="f", metadata={"public": True})
    await caller.start_call("f", invocation_id="i")
    await host.transport.receive("invokefunction")
    await host.send("registerfunction", id="f", metadata={"public": False})
    assert (await error_of(caller, "f"))["code"] == "FORBIDDEN"


async def test_who_offers_the_same_does_not_expose_the_function_of_another(
    guest: Guest, connect: Any
) -> None:
    await connect("f")
    other, caller = await connect(), await guest(rules({"metadata": {"public": True}}))
    await other.send("registerfunction", id="f", metadata={"public": True})
    assert (await error_of(caller, "f"))["code"] == "FORBIDDEN"


async def test_the_list_shows_what_may_be_called(connect: Any, guest: Guest) -> None:
    await connect("public::f", "private::f")
    caller = await guest(rules('match("public::*")', 'match("engine::functions::*")'))
    result = (await caller.call("engine::functions::list"))["result"]
    assert [row["function_id"] for row in result["functions"]] == ["public::f"]
    assert (await error_of(caller, "engine::functions::info", {"function_id": "private::f"}))[
        "code"
    ] == "FORBIDDEN"


class TestNamespaces:
    async def test_a_worker_lives_where_its_rules_let_it(self, engine: Engine) -> None:
        from iii_triggers.engine.access.sessions import Session

        session = Session.of(Rules(namespaces={"orders": ("*",)}))
        worker = FakeWorker(engine, session=session)
        error = await error_of(
            worker, "engine::workers::register", {"name": "w", "namespace": "billing"}
        )
        assert error == {"code": "FORBIDDEN", "message": "namespace 'billing' not allowed"}
        # Nothing it registers counts, and nothing hangs.
        await worker.offer("f")
        assert engine.functions.find("default", "f") is None
        assert (await worker.call("engine::log::info", {"message": "x"})).get("error") is None

    async def test_it_registers_there(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(Rules(namespaces={"orders": ("*",)}), namespace="orders")
        await worker.offer("f")
        assert engine.functions.find("orders", "f") is not None
        await worker.send("registertriggertype", id="t", namespace="billing")
        await worker.send("registertriggertype", id="t")
        assert [t.key for t in engine.triggers.types() if t.worker] == [("orders", "t")]

    async def test_namespaces_say_what_may_be_called_there(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        host = await connect("f", "g", namespace="orders")
        caller = await guest(rules(namespaces={"default": (), "orders": ("f",)}))
        await caller.start_call("f", namespace="orders", invocation_id="i")
        await host.transport.receive("invokefunction")
        assert (await error_of(caller, "g", namespace="orders"))["code"] == "FORBIDDEN"
        assert (await error_of(caller, "f"))["code"] == "FORBIDDEN"


class TestMiddleware:
    async def test_it_is_called_instead(self, connect: Any, guest: Guest) -> None:
        gate, host = await connect("gate::mw"), await connect("f")
        caller = await guest(Rules(middleware="gate::mw", context={"user": 7}))
        await caller.start_call("f", {"a": 1}, invocation_id="i", metadata={"m": 1})
        (invocation,) = await gate.transport.receive("invokefunction")
        assert invocation["function_id"] == "gate::mw"
        assert invocation["metadata"] == {"m": 1}
        assert invocation["data"] == {
            "function_id": "f",
            "payload": {"a": 1},
            "action": None,
            "context": {"user": 7},
            "namespace": "default",
        }
        await gate.answer(invocation, result="instead")
        _, result = await caller.transport.receive("invocationresult", 2)
        assert (result["function_id"], result["result"]) == ("f", "instead")
        assert result["invocation_id"] == "i"
        assert host.invocations == []

    async def test_its_error_is_the_answer(self, connect: Any, guest: Guest) -> None:
        gate, caller = await connect("gate::mw"), await guest(Rules(middleware="gate::mw"))
        await caller.start_call("f", invocation_id="i")
        (invocation,) = await gate.transport.receive("invokefunction")
        await gate.answer(invocation, error={"code": "no", "message": "never"})
        _, result = await caller.transport.receive("invocationresult", 2)
        assert result["error"] == {"code": "no", "message": "never"}

    @pytest.mark.parametrize(
        "action", [{"type": "void"}, {"type": "enqueue", "queue": "q"}, {"type": "enqueue"}]
    )
    async def test_it_gets_the_action_and_is_answered_for(
        self, connect: Any, guest: Guest, action: Any
    ) -> None:
        gate, caller = await connect("gate::mw"), await guest(Rules(middleware="gate::mw"))
        await caller.start_call("f", action=action)
        (invocation,) = await gate.transport.receive("invokefunction")
        assert invocation["data"]["action"] == action
        await gate.answer(invocation, result=1)
        _, result = await caller.transport.receive("invocationresult", 2)
        assert result["result"] == 1
        assert result["invocation_id"]

    async def test_the_engines_own_functions_pass(self, connect: Any, guest: Guest) -> None:
        gate, caller = await connect("gate::mw"), await guest(Rules(middleware="gate::mw"))
        assert "functions" in (await caller.call("engine::functions::list"))["result"]
        assert gate.invocations == []
        # One of a worker that looks like it does not.
        await connect("engine::mine")
        await caller.start_call("engine::mine")
        await gate.transport.receive("invokefunction")

    async def test_what_may_not_be_called_does_not_reach_it(
        self, connect: Any, guest: Guest
    ) -> None:
        gate = await connect("gate::mw")
        caller = await guest(rules(middleware="gate::mw"))
        assert (await error_of(caller, "f"))["code"] == "FORBIDDEN"
        assert gate.invocations == []

    async def test_a_queued_call_does_not_get_around_it(self, connect: Any, guest: Guest) -> None:
        gate, host = await connect("gate::mw"), await connect("f")
        caller = await guest(Rules(middleware="gate::mw"))
        data = {"function_id": "f", "queue": "q", "data": {"a": 1}}
        await caller.start_call("engine::queue::enqueue", data, invocation_id="i")
        (invocation,) = await gate.transport.receive("invokefunction")
        assert invocation["data"]["function_id"] == "f"
        assert invocation["data"]["payload"] == {"a": 1}
        assert invocation["data"]["action"] == {"type": "enqueue", "queue": "q"}
        assert host.invocations == []


class TestHoles:
    """Functions of the engine that lead to other functions."""

    ENQUEUE = "engine::queue::enqueue"

    @pytest.mark.parametrize("enqueue", [ENQUEUE, "engine.queue.enqueue"])
    @pytest.mark.parametrize(
        "target",
        [
            {"function_id": "secret"},
            {"function_id": "secret", "namespace": "orders"},
            {"function_id": ENQUEUE, "data": {"function_id": "secret"}},
            {"function_id": "engine.queue.enqueue", "data": {"function_id": "secret"}},
            {"function_id": ENQUEUE, "namespace": "orders"},
            {"function_id": "engine::fire_triggers", "data": {"trigger_type": "t"}},
            {"function_id": "engine::register_trigger"},
            {"function_id": "engine::unregister_trigger"},
        ],
    )
    async def test_enqueue(self, guest: Guest, enqueue: str, target: Any) -> None:
        error = await error_of(await guest(ALL), enqueue, target)
        assert error["code"] == "FORBIDDEN"
        assert target["function_id"] in error["message"]

    async def test_enqueue_is_for_what_may_be_called(self, guest: Guest, messages: Any) -> None:
        result = await (await guest(ALL)).call(self.ENQUEUE, {"function_id": "f"})
        assert result["result"]["messageReceiptId"]

    @pytest.mark.parametrize("function_id", ["secret", ENQUEUE, "engine.queue.enqueue"])
    async def test_the_enqueue_action(self, guest: Guest, function_id: str) -> None:
        caller = await guest(ALL)
        error = await error_of(
            caller, function_id, {"function_id": "secret"}, action={"type": "enqueue"}
        )
        assert error["code"] == "FORBIDDEN"

    async def test_a_duplicate_key_hides_nothing(self, guest: Guest, engine: Engine) -> None:
        caller = await guest(ALL)
        text = (
            '{"type":"invokefunction","invocation_id":"i","function_id":"engine::queue::enqueue",'
            '"data":{"function_id":"f","function_id":"secret"}}'
        )
        engine.frames.handle(caller.connection, decode(text))
        _, result = await caller.transport.receive("invocationresult", 2)
        assert result["error"]["code"] == "FORBIDDEN"

    async def test_fire_triggers_fires_what_may_be_called(
        self, guest: Guest, connect: Any, engine: Engine
    ) -> None:
        host, caller = await connect("secret", "f"), await guest(ALL)
        await host.send("registertriggertype", id="t")
        await host.bind("one", "t", function_id="f")
        fired = await caller.call("engine::fire_triggers", {"trigger_type": "t"})
        assert fired["result"] == {"fired": 1}
        await host.transport.receive("invokefunction")
        await host.bind("two", "t", function_id="secret")
        for spelling in ("engine::fire_triggers", "engine.fire_triggers"):
            assert (await error_of(caller, spelling, {"trigger_type": "t"}))["code"] == "FORBIDDEN"
        await asyncio.sleep(SILENCE_S)
        assert [frame["function_id"] for frame in host.invocations] == ["f"]

    @pytest.mark.parametrize("spelling", ["engine::fire_trigger", "engine.fire_trigger"])
    async def test_fire_trigger_is_not_for_those_under_rules(
        self, guest: Guest, spelling: str
    ) -> None:
        caller = await guest(ALL)
        error = await error_of(caller, spelling, {"trigger_id": "t"})
        assert error["code"] == "FORBIDDEN"

    @pytest.mark.parametrize("spelling", ["emit", "enqueue", "iii::durable::publish"])
    async def test_a_forbidden_function_has_no_other_name(
        self, guest: Guest, spelling: str
    ) -> None:
        caller = await guest(Rules(forbidden_functions=("enqueue",)))
        error = await error_of(caller, spelling, {"topic": "t", "data": 1})
        assert error["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    "function_id",
    ["engine::workers::register", "engine::queue::enqueue", "engine::register_trigger"],
)
async def test_an_input_that_cannot_be_read_is_answered_and_holds_nothing_up(
    engine: Engine, function_id: str
) -> None:
    worker = FakeWorker(engine, session=Session.of(ALL))
    text = f'{{"type":"invokefunction","function_id":"{function_id}","invocation_id":"i","data":'
    # Valid JSON, and more than a number can be.
    waits = engine.frames.handle(worker.connection, decode(text + '{"pid":1e999}}'))
    assert waits is None
    (result,) = await worker.transport.receive("invocationresult")
    assert result["error"]["code"] == "malformed_frame"
    await worker.offer("f")

    async def offered() -> bool:
        return "f" in worker.connection.function_ids

    await eventually(offered)
