"""A worker that comes back and names its old connection (protocol reference, section 3.12)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from iii_triggers.engine.core import Engine
from tests.support.workers import FakeWorker, provided

Connect = Callable[..., Awaitable[FakeWorker]]


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
