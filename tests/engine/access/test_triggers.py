"""Triggers of workers under rules (protocol reference, sections 3.3 and 9.5)."""

from __future__ import annotations

from typing import Any

import pytest

from iii_triggers.engine.access.rules import Hooks, Rules
from iii_triggers.engine.core import Engine
from iii_triggers.models import Trigger
from tests.support.workers import FakeWorker

from .conftest import Guest, rules

ALL = rules('match("*")', forbidden_functions=("secret",))


async def refusal(worker: FakeWorker) -> Any:
    return (await worker.transport.receive("triggerregistrationresult"))[-1]


async def test_a_forbidden_target_is_answered(engine: Engine, guest: Guest) -> None:
    worker = await guest(ALL)
    await worker.bind("one", "http", function_id="secret", config={"api_path": "a"})
    assert await refusal(worker) == {
        "type": "triggerregistrationresult",
        "id": "one",
        "trigger_type": "http",
        "function_id": "secret",
        "error": {
            "code": "FORBIDDEN",
            "message": "function 'secret' not allowed in namespace 'default'",
        },
    }
    assert engine.triggers.get("one") is None


async def test_an_allowed_one_is_bound(engine: Engine, guest: Guest) -> None:
    worker = await guest(ALL)
    await worker.bind("one", "http", config={"api_path": "a"})
    entry = engine.triggers.get("one")
    assert entry is not None
    assert entry.state == "active"


async def test_types_that_are_not_allowed_are_ignored(engine: Engine, guest: Guest) -> None:
    worker = await guest(Rules(allowed_trigger_types=frozenset({"http"})))
    before = len(worker.transport.frames)
    await worker.bind("one", "subscribe", config={"topic": "t"})
    assert engine.triggers.get("one") is None
    assert len(worker.transport.frames) == before
    await worker.bind("two", "api", config={"api_path": "a"})
    assert engine.triggers.get("two") is not None


async def test_a_blank_namespace_comes_first(guest: Guest) -> None:
    worker = await guest(Rules(allowed_trigger_types=frozenset()))
    await worker.bind("one", "http", namespace=" ")
    assert (await refusal(worker))["error"]["code"] == "INVALID_NAMESPACE"


async def test_the_prefix_is_for_the_target_too(engine: Engine, guest: Guest) -> None:
    worker = await guest(Rules(function_prefix="p"))
    await worker.offer("f")
    await worker.bind("one", "http", function_id="f", config={"api_path": "a"})
    entry = engine.triggers.get("one")
    assert entry is not None
    assert entry.trigger.function_id == "p::f"


@pytest.mark.parametrize(
    "function_id",
    [
        "engine::queue::enqueue",
        "engine::fire_trigger",
        "engine.fire_triggers",
        "engine::register_trigger",
    ],
)
async def test_a_function_that_calls_others_is_no_target(
    engine: Engine, guest: Guest, function_id: str
) -> None:
    worker = await guest(ALL)
    await worker.bind("one", "subscribe", function_id=function_id, config={"topic": "t"})
    assert (await refusal(worker))["error"]["code"] == "FORBIDDEN"
    assert engine.triggers.get("one") is None


@pytest.mark.parametrize(
    "config",
    [
        {"condition_function_id": "secret"},
        {"middleware_function_ids": ["f", "secret"]},
        {"middleware_function_ids": "secret"},
        {"deep": [{"auth_function_id": "secret"}]},
        {"conditionFunctionId": "secret"},
        {"condition_function_id": "engine::queue::enqueue"},
        {"_condition_path": "secret"},
        {"condition_function_path": "secret"},
        {"_condition_function_id": "secret"},
    ],
)
async def test_a_config_names_no_other_functions(engine: Engine, guest: Guest, config: Any) -> None:
    worker = await guest(ALL)
    await worker.bind("one", "http", config={"api_path": "a", **config})
    assert (await refusal(worker))["error"]["code"] == "FORBIDDEN"
    assert engine.triggers.get("one") is None


class TestOthers:
    async def test_nobody_unregisters_the_trigger_of_another(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        host, worker = await connect("f"), await guest(ALL)
        await host.bind("one", "subscribe", config={"topic": "t"})
        await worker.send("unregistertrigger", id="one")
        assert engine.triggers.get("one") is not None
        await worker.bind("two", "subscribe", config={"topic": "t"})
        await worker.send("unregistertrigger", id="two")
        assert engine.triggers.get("two") is None

    async def test_nobody_replaces_it(self, engine: Engine, guest: Guest, connect: Any) -> None:
        host, worker = await connect("f"), await guest(ALL)
        await host.bind("one", "subscribe", config={"topic": "t"})
        await worker.bind("one", "subscribe", config={"topic": "mine"})
        assert (await refusal(worker))["error"] == {
            "code": "FORBIDDEN",
            "message": "trigger id 'one' is taken",
        }
        entry = engine.triggers.get("one")
        assert entry is not None
        assert entry.trigger.worker is host.connection

    async def test_a_worker_that_comes_back_does(self, engine: Engine, guest: Guest) -> None:
        old = await guest(ALL, name="same", pid=5)
        await old.bind("one", "subscribe", config={"topic": "t"})
        new = await guest(ALL, name="same", pid=5)
        await new.bind("one", "subscribe", config={"topic": "t"})
        entry = engine.triggers.get("one")
        assert entry is not None
        assert entry.trigger.worker is new.connection

    async def test_another_under_the_same_rules_does_not(
        self, engine: Engine, guest: Guest
    ) -> None:
        old = await guest(ALL, name="one")
        await old.bind("one", "subscribe", config={"topic": "t"})
        new = await guest(ALL, name="two")
        await new.bind("one", "subscribe", config={"topic": "t"})
        assert (await refusal(new))["error"]["code"] == "FORBIDDEN"


class TestHook:
    HOOKED = Rules(hooks=Hooks(trigger="hook"), context={"user": 7}, function_prefix="p")

    async def test_it_may_change_all_but_metadata(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        hook, worker = await connect("hook"), await guest(self.HOOKED)
        await worker.bind("one", "http", function_id="f", config={"a": 1}, metadata={"m": 1})
        (question,) = await hook.transport.receive("invokefunction")
        assert question["data"] == {
            "trigger_id": "one",
            "trigger_type": "http",
            "function_id": "f",
            "config": {"a": 1},
            "metadata": {"m": 1},
            "namespace": "default",
            "context": {"user": 7},
        }
        changes = {
            "trigger_id": "two",
            "trigger_type": "subscribe",
            "function_id": "g",
            "config": {"topic": "t"},
            "metadata": {"m": 2},
        }
        await hook.answer(question, result=changes)
        await worker.call("engine::log::info", {"message": "x"})
        entry = engine.triggers.get("two")
        assert entry is not None
        trigger = entry.trigger
        assert (trigger.trigger_type, trigger.function_id) == ("subscribe", "p::g")
        assert (trigger.config, trigger.metadata) == ({"topic": "t"}, {"m": 1})
        await worker.send("unregistertrigger", id="one")
        assert engine.triggers.get("two") is None

    async def test_it_may_deny(self, engine: Engine, guest: Guest, connect: Any) -> None:
        hook, worker = await connect("hook"), await guest(self.HOOKED)
        await worker.bind("one", "subscribe", config={"topic": "t"})
        (question,) = await hook.transport.receive("invokefunction")
        await hook.answer(question)
        await worker.call("engine::log::info", {"message": "x"})
        assert engine.triggers.get("one") is None
        assert worker.transport.of_type("triggerregistrationresult") == []


class TestDurableTriggers:
    """``engine::register_trigger`` is held to the same rules."""

    REGISTER = "engine::register_trigger"

    def wanted(self, **fields: Any) -> dict[str, Any]:
        config = {"topic": "t"}
        return {"trigger_type": "subscribe", "function_id": "f", "config": config, **fields}

    async def rows(self, engine: Engine) -> list[Trigger]:
        return await engine.database.run(lambda: list(Trigger.objects.filter(source="api")))

    @pytest.mark.parametrize("spelling", [REGISTER, "engine.register_trigger"])
    @pytest.mark.parametrize(
        "fields",
        [
            {"function_id": "secret"},
            {"function_id": "engine::queue::enqueue"},
            {"config": {"topic": "t", "condition_function_id": "secret"}},
            {"trigger_type": "http"},
            {"id": "chosen"},
        ],
    )
    async def test_what_is_forbidden(
        self, engine: Engine, guest: Guest, spelling: str, fields: Any
    ) -> None:
        worker = await guest(
            rules(
                'match("*")',
                forbidden_functions=("secret",),
                allowed_trigger_types=frozenset({"subscribe"}),
            )
        )
        result = await worker.call(spelling, self.wanted(**fields))
        assert result["error"]["code"] == "FORBIDDEN"
        assert await self.rows(engine) == []

    async def test_a_worker_takes_away_what_it_made(
        self, engine: Engine, guest: Guest, connect: Any
    ) -> None:
        worker, other = await guest(ALL), await guest(ALL)
        made = (await worker.call(self.REGISTER, self.wanted()))["result"]["id"]
        for spelling in ("engine::unregister_trigger", "engine.unregister_trigger"):
            result = await other.call(spelling, {"id": made})
            assert result["error"]["code"] == "FORBIDDEN"
        result = await worker.call("engine::unregister_trigger", {"id": made})
        assert result["result"] == {"removed": True}

    async def test_prefix_and_hook_apply(self, engine: Engine, guest: Guest, connect: Any) -> None:
        hook = await connect("hook")
        worker = await guest(Rules(hooks=Hooks(trigger="hook"), function_prefix="p"))
        await worker.start_call(self.REGISTER, self.wanted(), invocation_id="i")
        (question,) = await hook.transport.receive("invokefunction")
        await hook.answer(question, result={"config": {"topic": "u"}})
        _, result = await worker.transport.receive("invocationresult", 2)
        (row,) = await self.rows(engine)
        assert row.trigger_id == result["result"]["id"]
        assert (row.function_id, row.config) == ("p::f", {"topic": "u"})

    async def test_a_denial_is_answered(self, engine: Engine, guest: Guest, connect: Any) -> None:
        hook = await connect("hook")
        worker = await guest(Rules(hooks=Hooks(trigger="hook")))
        await worker.start_call(self.REGISTER, self.wanted(), invocation_id="i")
        (question,) = await hook.transport.receive("invokefunction")
        await hook.answer(question)
        _, result = await worker.transport.receive("invocationresult", 2)
        assert result["error"]["code"] == "FORBIDDEN"

    async def test_a_wrong_shape_is_told_as_ever(self, guest: Guest) -> None:
        result = await (await guest(ALL)).call(self.REGISTER, {"trigger_type": 5})
        assert result["error"]["code"] == "deserialization_error"
