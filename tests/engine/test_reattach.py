"""A worker that comes back and names its old connection (protocol reference, section 3.12)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.models import Function, Subscription, Trigger, Worker
from tests.support.workers import FakeWorker, provided

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]


def token(worker: FakeWorker) -> str:
    [frame] = worker.transport.of_type("workerregistered")
    return str(frame["reattach_token"])


async def test_the_old_connection_is_torn_down_before_the_next_frame(
    engine: Engine, connect: Connect
) -> None:
    caller, old = await connect(), await connect("f")
    await old.bind("t", "http", config={"api_path": "x"})
    await caller.start_call("f", invocation_id="i1")
    new = FakeWorker(engine)
    await new.send("reattach", previous_worker_id=old.id, reattach_token=token(old))
    assert old.transport.close_code == 1012
    assert old.id not in engine.connections
    assert engine.triggers.get("t") is None
    assert caller.results[-1]["error"]["code"] == "invocation_stopped"
    assert (await caller.call("f"))["error"]["code"] == "function_not_found"


async def test_what_the_old_connection_still_says_changes_nothing(
    engine: Engine, connect: Connect
) -> None:
    old, new = await connect(), FakeWorker(engine)
    await new.send("reattach", previous_worker_id=old.id, reattach_token=token(old))
    await old.offer("ghost")
    await old.bind("t", "http", config={"api_path": "x"})
    await old.send("registertriggertype", id="ev")
    assert engine.functions.find("default", "ghost") is None
    assert engine.triggers.get("t") is None
    assert provided(engine) == []


@pytest.mark.parametrize("given", [{}, {"reattach_token": "wrong"}, {"reattach_token": None}])
async def test_without_the_token_nothing_happens(
    engine: Engine, connect: Connect, given: dict[str, str | None]
) -> None:
    old, new = await connect("f"), FakeWorker(engine)
    await new.send("reattach", previous_worker_id=old.id, **given)
    assert old.transport.close_code is None
    assert old.id in engine.connections


async def test_an_unknown_id_and_the_own_one_are_ignored(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    await worker.send("reattach", previous_worker_id="unknown", reattach_token="x")
    await worker.send("reattach", previous_worker_id=worker.id, reattach_token=token(worker))
    assert worker.id in engine.connections
    assert worker.transport.close_code is None


async def test_disconnecting_twice_is_harmless(engine: Engine, connect: Connect) -> None:
    worker, twin = await connect("f", name="a"), await connect("f", name="b")
    await worker.leave()
    await twin.offer("f")
    await worker.leave()
    assert engine.functions.find("default", "f") is not None


BINDINGS = {
    "route": ("http", {"api_path": "x"}),
    "job": ("cron", {"expression": "0 0 0 * * *"}),
    "jobs": ("queue", {"topic": "orders"}),
    "watch": ("state", {"scope": "s"}),
    "own": ("ev", {"n": 1}),
    "parked": ("later", {}),
}


async def replay(worker: FakeWorker) -> None:
    """Say what SDKs say on every connect: types, functions, triggers, who it is."""
    await worker.send("registertriggertype", id="ev", description="Events.")
    await worker.offer("f", "g")
    for trigger_id, (kind, config) in BINDINGS.items():
        await worker.bind(trigger_id, kind, config=config)
    await worker.introduce(name="api", pid=7, version="0.25.0", runtime="python")


async def all_there_once(engine: Engine, owner: FakeWorker, flush: Flush) -> None:
    """See that everything is the owner's, and nothing is there twice, in memory and in rows."""
    for function_id in ("f", "g"):
        [offer] = engine.functions.offers_of(("default", function_id))
        assert offer.connection is owner.connection
    entries = [entry for entry in engine.triggers.entries() if entry.trigger.source == "worker"]
    assert sorted(entry.trigger.id for entry in entries) == sorted(BINDINGS)
    assert all(entry.trigger.worker is owner.connection for entry in entries)
    assert {entry.trigger.id for entry in entries if entry.state != "active"} == {"parked"}
    for kind in ("http", "cron", "queue", "state", "ev"):
        assert len(engine.triggers.active(kind)) == 1
    assert provided(engine) == ["ev"]
    await flush()
    run = engine.database.run
    assert await run(lambda: list(Worker.objects.values_list("worker_id"))) == [(owner.id,)]
    for model, number in ((Function, 2), (Trigger, len(BINDINGS))):
        owners = await run(
            lambda model=model: list(
                model.objects.filter(worker__isnull=False).values_list("worker_id", flat=True)
            )
        )
        assert owners == [owner.id] * number
    assert await run(Subscription.objects.count) == 1


@pytest.mark.parametrize("is_written", [True, False], ids=["rows written", "rows waiting"])
async def test_nothing_is_lost_and_nothing_doubled(
    engine: Engine, flush: Flush, is_written: bool
) -> None:
    old = FakeWorker(engine)
    await replay(old)
    if is_written:
        await all_there_once(engine, old, flush)
    new = FakeWorker(engine)
    await new.send("reattach", previous_worker_id=old.id, reattach_token=token(old))
    await replay(new)
    await all_there_once(engine, new, flush)
    # The half-open connection breaks at last.
    await old.leave()
    await all_there_once(engine, new, flush)


async def test_a_call_after_coming_back_runs_once_on_the_new_connection(
    engine: Engine, connect: Connect
) -> None:
    caller, old, new = await connect(), FakeWorker(engine), FakeWorker(engine)
    await replay(old)
    await new.send("reattach", previous_worker_id=old.id, reattach_token=token(old))
    await replay(new)
    await caller.start_call("f", invocation_id="i")
    [invocation] = await new.transport.receive("invokefunction")
    assert not old.invocations
    await new.answer(invocation, result=1)
    results = await caller.transport.receive("invocationresult", 2)
    assert [result["result"] for result in results if result["invocation_id"] == "i"] == [1]
