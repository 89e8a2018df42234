"""What workers under rules may register (protocol reference, section 9.5)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from iii_triggers.engine.access import names
from iii_triggers.engine.access.rules import Hooks, Rules
from iii_triggers.engine.core import Engine
from iii_triggers.protocol.errors import LimitExceeded
from tests.support.workers import FakeWorker, provided

from .conftest import Guest, rules

SILENCE_S = 0.05

HOOKED = Rules(
    hooks=Hooks(function="hook::f", trigger="hook::t", trigger_type="hook::tt"),
    context={"user": 7},
)
CALLABLE = 'match("*")'


def offers(engine: Engine, function_id: str) -> list[Any]:
    return [offer.connection for offer in engine.functions.offers_of(("default", function_id))]


async def asked(hook: FakeWorker, number: int = 1) -> Any:
    return (await hook.transport.receive("invokefunction", number))[number - 1]


class TestFunctions:
    async def test_they_can_be_denied_silently(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(Rules(allow_function_registration=False))
        before = len(worker.transport.frames)
        await worker.offer("f")
        assert offers(engine, "f") == []
        assert len(worker.transport.frames) == before

    async def test_a_prefix_is_for_others_only(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        worker, caller = await guest(Rules(function_prefix="p")), await connect()
        await worker.offer("f")
        assert offers(engine, "f") == []
        await caller.start_call("p::f", invocation_id="i")
        (invocation,) = await worker.transport.receive("invokefunction")
        assert invocation["function_id"] == "f"
        await worker.answer(invocation, result=1)
        _, result = await caller.transport.receive("invocationresult", 2)
        assert (result["function_id"], result["result"]) == ("p::f", 1)
        # Its own calls have no prefix.
        assert (await worker.call("f"))["error"]["code"] == "function_not_found"
        await worker.send("unregisterfunction", id="f")
        assert offers(engine, "p::f") == []

    async def test_a_prefix_goes_with_its_connection(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(Rules(function_prefix="p"))
        await worker.offer("f")
        await worker.leave()
        assert offers(engine, "p::f") == []

    async def test_nobody_takes_the_function_of_another(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        host, worker = await connect("f"), await guest(Rules(allowed_trigger_types=frozenset()))
        await worker.offer("f", "state::get", "engine::workers::list", "own")
        assert offers(engine, "f") == [host.connection]
        assert offers(engine, "state::get") == offers(engine, "engine::workers::list") == []
        assert offers(engine, "own") == [worker.connection]
        await worker.send("unregisterfunction", id="f")
        assert offers(engine, "f") == [host.connection]

    async def test_ids_that_no_function_has_take_no_room(
        self, engine: Engine, guest: Guest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(names, "MAX_RENAMED", 3)
        worker = await guest(Rules(function_prefix="p"))
        for number in range(3):
            await worker.offer(f"f{number}")
        with pytest.raises(LimitExceeded):
            await worker.offer("one more")
        await worker.send("unregisterfunction", id="f0")
        await worker.offer("another")
        assert offers(engine, "p::another") == [worker.connection]

    async def test_replicas_share(self, engine: Engine, guest: Guest) -> None:
        one, other = await guest(HOOKLESS), await guest(HOOKLESS)
        await one.offer("f")
        await other.offer("f")
        assert offers(engine, "f") == [one.connection, other.connection]


HOOKLESS = Rules(allow_trigger_type_registration=False)


class TestFunctionHooks:
    async def test_a_hook_hears_of_a_function_and_allows_it(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        hook, worker = await connect("hook::f"), await guest(HOOKED)
        await worker.send("registerfunction", id="f", description="d", metadata={"a": 1})
        question = await asked(hook)
        assert question["data"] == {
            "function_id": "f",
            "description": "d",
            "metadata": {"a": 1},
            "namespace": "default",
            "context": {"user": 7},
        }
        assert offers(engine, "f") == []
        await hook.answer(question, result={"function_id": None, "metadata": None})
        await worker.call("engine::log::info", {"message": "x"})
        (offer,) = engine.functions.offers_of(("default", "f"))
        assert (offer.info.description, offer.info.metadata) == ("d", {"a": 1})
        assert len(hook.invocations) == 1

    async def test_it_may_rename(self, engine: Engine, guest: Guest, connect: Any) -> None:
        hook, caller = await connect("hook::f"), await connect()
        worker = await guest(Rules(hooks=Hooks(function="hook::f"), function_prefix="p"))
        await worker.offer("f")
        changes = {"function_id": "g", "description": "e", "metadata": {"b": 2}}
        await hook.answer(await asked(hook), result=changes)
        await worker.call("engine::log::info", {"message": "x"})
        (offer,) = engine.functions.offers_of(("default", "p::g"))
        assert (offer.info.description, offer.info.metadata) == ("e", {"b": 2})
        await caller.start_call("p::g")
        (invocation,) = await worker.transport.receive("invokefunction")
        assert invocation["function_id"] == "f"
        await worker.send("unregisterfunction", id="f")
        assert offers(engine, "p::g") == []

    @pytest.mark.parametrize(
        "outcome",
        [
            {"error": {"code": "no", "message": "no"}},
            {},
            {"result": True},
            {"result": "f"},
            {"result": []},
            {"result": {"function_id": 5}},
        ],
    )
    async def test_anything_but_an_object_denies(
        self, engine: Engine, guest: Guest, connect: Any, outcome: Any
    ) -> None:
        hook, worker = await connect("hook::f"), await guest(HOOKED)
        await worker.offer("f")
        await hook.answer(await asked(hook), **outcome)
        await worker.call("engine::log::info", {"message": "x"})
        assert offers(engine, "f") == []

    async def test_a_hook_that_is_not_there_denies(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(HOOKED)
        await worker.offer("f")
        await worker.call("engine::log::info", {"message": "x"})
        assert offers(engine, "f") == []

    async def test_order_is_kept_while_a_hook_thinks(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        hook, worker = await connect("hook::f"), await guest(HOOKED)
        await worker.offer("f")
        await worker.send("unregisterfunction", id="f")
        await worker.send("ping")
        await worker.transport.receive("pong")
        await hook.answer(await asked(hook), result={})
        await worker.call("engine::log::info", {"message": "x"})
        assert offers(engine, "f") == []

    async def test_a_worker_may_be_its_own_hook(self, engine: Engine, guest: Guest) -> None:
        own = Rules(hooks=Hooks(trigger_type="self::hook"), function_prefix="self")
        worker = await guest(own)
        await worker.offer("hook")
        await worker.send("registertriggertype", id="t")
        await worker.answer(await asked(worker), result={})
        await worker.call("engine::log::info", {"message": "x"})
        assert provided(engine) == ["t"]

    async def test_all_hooks_are_asked(self, engine: Engine, guest: Guest, connect: Any) -> None:
        hook = await connect("one", "two")
        worker = await guest(Rules(hooks=Hooks(function="one")), Rules(hooks=Hooks(function="two")))
        await worker.offer("f")
        await hook.answer(await asked(hook), result={"function_id": "g"})
        second = await asked(hook, 2)
        assert (second["function_id"], second["data"]["function_id"]) == ("two", "g")
        await hook.answer(second, result={})
        await worker.call("engine::log::info", {"message": "x"})
        assert offers(engine, "g") == [worker.connection]

    async def test_a_worker_that_leaves_meanwhile_offers_nothing(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        hook, worker = await connect("hook::f"), await guest(HOOKED)
        await worker.offer("f")
        question = await asked(hook)
        await worker.leave()
        await hook.answer(question, result={})
        await asyncio.sleep(SILENCE_S)
        assert offers(engine, "f") == []


class TestTriggerTypes:
    async def test_they_can_be_denied_silently(self, engine: Engine, guest: Guest) -> None:
        worker = await guest(Rules(allow_trigger_type_registration=False))
        await worker.send("registertriggertype", id="t")
        assert provided(engine) == []

    async def test_nobody_takes_the_type_of_another(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        host, worker = await connect(), await guest(rules(CALLABLE))
        await host.send("registertriggertype", id="t")
        await worker.send("registertriggertype", id="t")
        await worker.send("unregistertriggertype", id="t")
        (type_,) = [t for t in engine.triggers.types() if t.id == "t"]
        assert type_.worker is host.connection

    async def test_a_hook_may_rename_or_deny(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        hook, consumer = await connect("hook::tt"), await connect("f")
        worker = await guest(HOOKED)
        await worker.send("registertriggertype", id="t", description="d")
        question = await asked(hook)
        assert question["data"] == {
            "trigger_type_id": "t",
            "description": "d",
            "context": {"user": 7},
        }
        await hook.answer(question, result={"trigger_type_id": "u", "description": "e"})
        await worker.call("engine::log::info", {"message": "x"})
        (type_,) = [t for t in engine.triggers.types() if t.worker]
        assert (type_.id, type_.description) == ("u", "e")
        await consumer.bind("one", "u")
        (delivered,) = await worker.transport.receive("registertrigger")
        assert delivered["trigger_type"] == "t"
        await consumer.send("unregistertrigger", id="one")
        (gone,) = await worker.transport.receive("unregistertrigger")
        assert gone["trigger_type"] == "t"
        await worker.send("unregistertriggertype", id="t")
        assert provided(engine) == []
        await worker.send("registertriggertype", id="v")
        await hook.answer(await asked(hook, 2))
        await worker.call("engine::log::info", {"message": "x"})
        assert provided(engine) == []
