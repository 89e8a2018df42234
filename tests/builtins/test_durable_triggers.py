"""``engine::register_trigger`` and ``engine::unregister_trigger``: triggers without an owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers import ainvoke
from iii_triggers.builtins import durable_triggers
from iii_triggers.engine.core import Engine
from iii_triggers.models import Change, Trigger
from iii_triggers.models.changes import KEEP
from iii_triggers.protocol.errors import TriggerRejected
from tests.support.workers import FakeWorker, Frame

Connect = Callable[..., Awaitable[FakeWorker]]

REGISTER = "engine::register_trigger"
UNREGISTER = "engine::unregister_trigger"
HTTP = {"trigger_type": "http", "function_id": "f", "config": {"api_path": "x"}}


async def register(worker: FakeWorker, **data: Any) -> Any:
    return (await worker.call(REGISTER, data))["result"]


async def refusal(worker: FakeWorker, function_id: str, data: Any) -> Any:
    return (await worker.call(function_id, data))["error"]


async def rows(engine: Engine) -> list[Trigger]:
    return await engine.database.run(lambda: list(Trigger.objects.order_by("pk")))


async def provide(connect: Connect, type_id: str = "slack") -> FakeWorker:
    provider = await connect(name="provider")
    await provider.send("registertriggertype", id=type_id, description="Messages.")
    return provider


async def delivered(provider: FakeWorker, number: int = 1) -> Frame:
    return (await provider.transport.receive("registertrigger", number))[number - 1]


async def verdict(provider: FakeWorker, delivery: Frame, error: Any = None) -> None:
    fields = {key: delivery[key] for key in ("id", "trigger_type", "function_id")}
    await provider.send("triggerregistrationresult", **fields, error=error)


async def result(worker: FakeWorker, invocation_id: str = "i") -> Frame:
    number = 0
    while True:
        frames = await worker.transport.receive("invocationresult", number + 1)
        for frame in frames[number:]:
            if frame["invocation_id"] == invocation_id:
                return frame
        number = len(frames)


async def test_it_outlives_the_worker_that_made_it(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    made = await register(worker, **HTTP, metadata={"m": 1})
    entry = engine.triggers.get(made["id"])
    assert entry is not None
    assert (entry.state, entry.trigger.metadata) == ("active", {"m": 1})
    await worker.leave()
    assert engine.triggers.get(made["id"]) is entry
    (row,) = await rows(engine)
    assert (row.trigger_id, row.source, row.namespace) == (made["id"], "api", "default")
    assert row.worker_id is None


async def test_the_site_can_call_it_too(engine: Engine) -> None:
    made = await ainvoke(REGISTER, HTTP)
    assert await ainvoke(UNREGISTER, {"id": made["id"]}) == {"removed": True}
    assert await rows(engine) == []


async def test_other_nodes_learn_of_it_as_of_every_row(engine: Engine, connect: Connect) -> None:
    before = engine.sync.revision
    await register(await connect(), **HTTP)
    changes = await engine.database.run(Change.objects.since, before)
    assert [change.kind for change in changes] == [Change.Kind.TRIGGER]
    assert len(changes) < KEEP


async def test_a_type_that_is_not_there_yet_parks_it(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    made = await register(worker, trigger_type="slack", function_id="f", config={"c": 1})
    entry = engine.triggers.get(made["id"])
    assert entry is not None
    assert entry.state == "parked"
    provider = await provide(connect)
    assert (await delivered(provider))["config"] == {"c": 1}
    assert entry.state == "active"


async def test_the_type_may_be_of_another_namespace(engine: Engine, connect: Connect) -> None:
    provider = await connect(name="provider", namespace="tenant")
    await provider.send("registertriggertype", id="http", description="Another http.")
    worker = await connect()
    wanted = {"trigger_type": "http", "function_id": "f", "config": {"anything": 1}}
    await worker.start_call(REGISTER, {**wanted, "trigger_namespace": "tenant"}, invocation_id="i")
    delivery = await delivered(provider)
    assert delivery["config"] == {"anything": 1}
    await verdict(provider, delivery)
    entry = engine.triggers.get((await result(worker))["result"]["id"])
    assert entry is not None and entry.provider is not None
    assert entry.provider.namespace == "tenant"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"config": {}}, "trigger_registration_failed"),
        ({"config": [1]}, "trigger_registration_failed"),
        ({"namespace": "elsewhere"}, "trigger_registration_failed"),
        ({"trigger_namespace": " "}, "INVALID_NAMESPACE"),
        ({"trigger_type": " "}, "LIMIT_EXCEEDED"),
        ({"function_id": "f" * 999}, "LIMIT_EXCEEDED"),
        ({"function_id": "a\0b"}, "LIMIT_EXCEEDED"),
        ({"id": ""}, "LIMIT_EXCEEDED"),
        ({"metadata": {"a\0": 1}}, "INVALID_ARGUMENTS"),
        ({"trigger_type": 7}, "deserialization_error"),
        ({"function_id": None}, "deserialization_error"),
    ],
)
async def test_bad_input_is_refused_and_leaves_nothing(
    engine: Engine, connect: Connect, changes: dict[str, Any], code: str
) -> None:
    worker = await connect()
    error = await refusal(worker, REGISTER, {**HTTP, **changes})
    assert error["code"] == code
    assert error["message"]
    assert await rows(engine) == []
    assert not list(engine.triggers.entries())


async def test_a_route_that_is_taken_is_refused(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    made = await register(worker, **HTTP)
    error = await refusal(worker, REGISTER, HTTP)
    assert error["code"] == "trigger_registration_failed"
    assert made["id"] in error["message"]
    assert len(await rows(engine)) == 1


async def test_there_may_be_so_many(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    with override_settings(III_MAX_API_TRIGGERS=1):
        made = await register(worker, **HTTP)
        later = {**HTTP, "config": {"api_path": "y"}}
        assert (await refusal(worker, REGISTER, later))["code"] == "LIMIT_EXCEEDED"
        assert await register(worker, **{**later, "id": made["id"]}) == made


async def test_an_id_of_its_own_is_replaced(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    assert await register(worker, **HTTP, id="mine") == {"id": "mine"}
    assert await register(worker, **{**HTTP, "function_id": "g"}, id="mine") == {"id": "mine"}
    (row,) = await rows(engine)
    assert row.function_id == "g"
    entry = engine.triggers.get("mine", namespace="default")
    assert entry is not None
    assert entry.trigger.function_id == "g"
    error = await refusal(worker, REGISTER, {**HTTP, "id": "mine", "config": {}})
    assert error["code"] == "trigger_registration_failed"
    assert [row.function_id for row in await rows(engine)] == ["g"]


@pytest.mark.parametrize("source", ["admin", "code"])
async def test_triggers_of_the_site_are_neither_replaced_nor_removed(
    engine: Engine, connect: Connect, source: str
) -> None:
    await engine.database.run(
        lambda: Trigger.objects.create(trigger_id="site", source=source, **HTTP)
    )
    await engine.refresh()
    worker = await connect()
    error = await refusal(worker, REGISTER, {**HTTP, "id": "site", "config": {"api_path": "y"}})
    assert error["code"] == "trigger_registration_failed"
    error = await refusal(worker, UNREGISTER, {"id": "site"})
    assert error["code"] == "unregister_failed"
    assert engine.triggers.get("site") is not None
    assert [row.config for row in await rows(engine)] == [{"api_path": "x"}]


async def test_what_was_switched_off_in_the_admin_stays_off(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect()
    await register(worker, **HTTP, id="mine")

    def switch_off() -> None:
        row = Trigger.objects.get()
        row.enabled = False
        row.save()

    await engine.database.run(switch_off)
    assert await register(worker, **{**HTTP, "function_id": "g"}, id="mine") == {"id": "mine"}
    assert engine.triggers.get("mine") is None
    assert not (await rows(engine))[0].enabled


async def test_removing_is_idempotent(engine: Engine, connect: Connect) -> None:
    worker, other = await connect(), await connect()
    made = await register(worker, **HTTP)
    removed = await other.call(UNREGISTER, {**made, "trigger_type": "http"})
    assert removed["result"] == {"removed": True}
    assert engine.triggers.get(made["id"]) is None
    for unknown in (made["id"], "unknown", "", "a\0b", "x" * 999):
        answer = await worker.call(UNREGISTER, {"id": unknown})
        assert answer["result"] == {"removed": False}


async def test_a_worker_removes_its_own_triggers_but_not_those_of_others(
    engine: Engine, connect: Connect
) -> None:
    worker, other = await connect(), await connect()
    await worker.bind("t", "http", config={"api_path": "x"})
    assert (await other.call(UNREGISTER, {"id": "t"}))["result"] == {"removed": False}
    assert (await worker.call(UNREGISTER, {"id": "t"}))["result"] == {"removed": True}
    assert engine.triggers.get("t") is None


async def test_a_provider_may_refuse_it(engine: Engine, connect: Connect) -> None:
    provider, worker = await provide(connect), await connect()
    data = {"trigger_type": "slack", "function_id": "f", "config": {}}
    await worker.start_call(REGISTER, data, invocation_id="i")
    delivery = await delivered(provider)
    # The socket of the caller is not held up.
    assert (await worker.call("engine::baggage::get_all"))["result"] == {"baggage": {}}
    await verdict(provider, delivery, {"code": "no_channel", "message": "No such channel."})
    assert (await result(worker))["error"] == {
        "code": "trigger_registration_failed",
        "message": "no_channel: No such channel.",
    }
    assert await rows(engine) == []
    assert not list(engine.triggers.entries())
    assert provider.transport.of_type("unregistertrigger") == []
    assert worker.transport.of_type("triggerregistrationresult") == []


async def test_a_provider_may_accept_it(engine: Engine, connect: Connect) -> None:
    provider, worker = await provide(connect), await connect()
    data = {"trigger_type": "slack", "function_id": "f", "config": {}, "id": "mine"}
    await worker.start_call(REGISTER, data, invocation_id="i")
    await verdict(provider, await delivered(provider))
    assert (await result(worker))["result"] == {"id": "mine"}
    # Nothing changes, so nobody is asked.
    assert await register(worker, **data) == {"id": "mine"}
    assert len(provider.transport.of_type("registertrigger")) == 1


async def test_a_provider_that_says_nothing_has_accepted(
    engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable_triggers, "VERDICT_S", 0.02)
    provider, worker = await provide(connect), await connect()
    made = await register(worker, trigger_type="slack", function_id="f")
    entry = engine.triggers.get(made["id"])
    assert entry is not None
    assert entry.state == "active"
    await verdict(provider, await delivered(provider), {"code": "late", "message": "No."})
    assert (entry.state, entry.error) == ("parked", "late: No.")


async def test_only_the_provider_is_heard(engine: Engine, connect: Connect) -> None:
    provider, worker, liar = await provide(connect), await connect(), await connect()
    data = {"trigger_type": "slack", "function_id": "f"}
    await worker.start_call(REGISTER, data, invocation_id="i")
    delivery = await delivered(provider)
    await verdict(liar, delivery, {"code": "no", "message": "No."})
    await verdict(provider, delivery)
    assert "result" in await result(worker)


async def test_a_refused_replacement_leaves_what_was_there(
    engine: Engine, connect: Connect
) -> None:
    provider, worker = await provide(connect), await connect()
    data = {"trigger_type": "slack", "function_id": "f", "config": {"a": 1}, "id": "mine"}
    for number, error in enumerate((None, {"code": "no", "message": "No."}), start=1):
        wanted = {**data, "config": {"a": number}}
        await worker.start_call(REGISTER, wanted, invocation_id=f"i{number}")
        await verdict(provider, await delivered(provider, number), error)
        assert ("error" in await result(worker, f"i{number}")) == (error is not None)
    assert [row.config for row in await rows(engine)] == [{"a": 1}]
    entry = engine.triggers.get("mine")
    assert entry is not None
    assert entry.trigger.config == {"a": 1}


async def test_two_registrations_of_one_id_do_not_mix(engine: Engine, connect: Connect) -> None:
    provider, worker = await provide(connect), await connect()
    data = {"trigger_type": "slack", "function_id": "f", "id": "mine"}
    await worker.start_call(REGISTER, data, invocation_id="first")
    delivery = await delivered(provider)
    error = await refusal(await connect(), REGISTER, data)
    assert error["code"] == "trigger_registration_failed"
    await verdict(provider, delivery)
    assert "result" in await result(worker, "first")


async def test_it_stays_when_the_caller_goes_meanwhile(engine: Engine, connect: Connect) -> None:
    provider, worker = await provide(connect), await connect()
    data = {"trigger_type": "slack", "function_id": "f", "id": "mine"}
    await worker.start_call(REGISTER, data, invocation_id="i")
    delivery = await delivered(provider)
    await worker.leave()
    await verdict(provider, delivery)
    await engine.refresh()
    assert len(await rows(engine)) == 1
    assert engine.triggers.get("mine") is not None


async def test_a_database_that_is_away_is_said_so(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def fail(*arguments: Any) -> None:
        raise OperationalError("secret host name")

    monkeypatch.setattr(durable_triggers, "save_row", fail)
    monkeypatch.setattr(durable_triggers, "remove_row", fail)
    with pytest.raises(TriggerRejected, match="database is away"):
        await ainvoke(REGISTER, HTTP)
    with pytest.raises(durable_triggers.UnregisterFailed, match="database is away"):
        await ainvoke(UNREGISTER, {"id": "x"})
