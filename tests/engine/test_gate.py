"""Registrations wait until the worker is introduced, and behind what has to be decided first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine import gate as gate_module
from iii_triggers.engine.core import Engine
from iii_triggers.protocol import messages as m
from tests.support.workers import FakeWorker

NEVER_S = 5
AT_ONCE_S = 0.02


@pytest.fixture
def patient() -> Iterator[None]:
    """Workers have time to introduce themselves."""
    with override_settings(III_REGISTRATION_GRACE_S=NEVER_S):
        yield


def offered(engine: Engine) -> list[tuple[str, str]]:
    return sorted(offer.info.key for offer in engine.functions.all_offers())


async def settle(worker: FakeWorker) -> None:
    """Return when the worker is introduced and nothing of it waits."""
    async with asyncio.timeout(NEVER_S):
        while not worker.connection.gate.is_open:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0)


async def test_registrations_wait_for_the_namespace(engine: Engine, patient: None) -> None:
    worker = FakeWorker(engine)
    await worker.offer("f", "g")
    await worker.send("registertriggertype", id="t")
    assert offered(engine) == []
    await worker.introduce(namespace="orders", version="0.23.0")
    await settle(worker)
    assert offered(engine) == [("orders", "f"), ("orders", "g")]
    assert [t.namespace for t in engine.triggers.types() if t.id == "t"] == ["orders"]


async def test_a_worker_that_introduces_itself_first_is_in_its_namespace(
    engine: Engine, patient: None
) -> None:
    worker = FakeWorker(engine)
    await worker.start_call("engine::workers::register", {"name": "w", "namespace": "orders"})
    # No await in between: the call has not run yet.
    await worker.offer("f")
    await settle(worker)
    assert offered(engine) == [("orders", "f")]


async def test_it_is_so_without_a_grace_time_too(engine: Engine) -> None:
    worker = FakeWorker(engine)
    await worker.start_call("engine.workers.register", {"name": "w", "namespace": "orders"})
    await worker.offer("f")
    await settle(worker)
    assert offered(engine) == [("orders", "f")]


async def test_calls_behind_registrations_wait_with_them(engine: Engine, patient: None) -> None:
    worker = FakeWorker(engine)
    await worker.offer("f")
    await worker.start_call("f", {"n": 1}, invocation_id="c", namespace="orders")
    assert worker.invocations == [] and worker.results == []
    await worker.introduce(namespace="orders")
    [invocation] = await worker.transport.receive("invokefunction")
    assert invocation["function_id"] == "f"


async def test_calls_of_a_worker_that_registered_nothing_do_not_wait(
    engine: Engine, patient: None
) -> None:
    answer = await FakeWorker(engine).call("nowhere")
    assert answer["error"]["code"] == "function_not_found"


async def test_a_silent_worker_belongs_to_the_default_namespace(engine: Engine) -> None:
    with override_settings(III_REGISTRATION_GRACE_S=AT_ONCE_S):
        worker = FakeWorker(engine)
        await worker.offer("f")
        await settle(worker)
    assert offered(engine) == [("default", "f")]


async def test_a_worker_that_is_never_silent_does_not_wait_for_ever(
    engine: Engine, patient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "LONGEST_GRACE_S", AT_ONCE_S)
    worker = FakeWorker(engine)
    number = 0
    async with asyncio.timeout(NEVER_S / 2):
        while not worker.connection.gate.is_introduced:
            await worker.offer(f"f{number}")
            number += 1
            await asyncio.sleep(AT_ONCE_S / 10)


async def test_a_second_introduction_moves_nothing(engine: Engine, patient: None) -> None:
    worker = FakeWorker(engine)
    await worker.introduce(namespace="orders")
    await worker.offer("f")
    await worker.introduce(namespace="elsewhere")
    await worker.offer("g")
    assert offered(engine) == [("orders", "f"), ("orders", "g")]


async def test_a_failed_introduction_leaves_the_worker_in_default(
    engine: Engine, patient: None
) -> None:
    worker = FakeWorker(engine)
    await worker.offer("f")
    answer = await worker.call("engine::workers::register", {"namespace": " "})
    assert answer["error"]["code"] == "INVALID_NAMESPACE"
    await settle(worker)
    assert offered(engine) == [("default", "f")]


async def test_an_introduction_that_is_never_answered_holds_nothing_up_for_ever(
    engine: Engine, patient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "LONGEST_GRACE_S", AT_ONCE_S)
    worker = FakeWorker(engine)
    act = engine.frames.act

    def break_introductions(message: m.AnyMessage) -> Any:
        if isinstance(message, m.InvokeFunction):
            raise RuntimeError("broken")
        return act(worker.connection, message)

    worker.connection.gate.leads_to(break_introductions)
    with pytest.raises(RuntimeError):
        await worker.start_call("engine::workers::register", {"name": "w"})
    await worker.offer("f")
    await settle(worker)
    assert offered(engine) == [("default", "f")]


async def test_pings_and_the_reattach_of_a_worker_do_not_wait(
    engine: Engine, patient: None
) -> None:
    old = FakeWorker(engine)
    new = FakeWorker(engine)
    await new.offer("f")
    await new.send("ping")
    await new.send(
        "reattach",
        previous_worker_id=old.id,
        reattach_token=old.connection.reattach_token,
    )
    assert new.transport.of_type("pong") and old.connection.closed


async def test_frames_wait_behind_a_decision_and_results_pass(engine: Engine) -> None:
    worker = FakeWorker(engine)
    await worker.introduce()
    await worker.offer("hook")
    decided: list[str] = []

    async def decide() -> None:
        answer = asyncio.Event()
        caller = FakeWorker(engine)
        await caller.start_call("hook", {}, invocation_id="h")
        await caller.transport.receive("invocationresult")
        decided.append("yes")
        answer.set()

    assert worker.connection.gate.run(decide()) is None
    await worker.offer("after")
    assert ("default", "after") not in offered(engine)
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, result={})
    await settle(worker)
    assert decided == ["yes"] and ("default", "after") in offered(engine)


async def test_what_cannot_be_decided_does_not_stop_the_next(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    worker = FakeWorker(engine)
    await worker.introduce()

    async def fail() -> None:
        raise RuntimeError("broken hook")

    worker.connection.gate.run(fail())
    await worker.offer("x" * 1000)
    await worker.offer("f")
    await settle(worker)
    assert offered(engine) == [("default", "f")]
    assert "broken hook" in caplog.text and "too long" in caplog.text


async def test_who_sends_too_much_meanwhile_is_read_no_further(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "MAX_WAITING_FRAMES", 2)
    worker = FakeWorker(engine)
    await worker.introduce()
    go = asyncio.Event()

    async def wait() -> None:
        await go.wait()

    worker.connection.gate.run(wait())
    await worker.offer("a", "b")
    third = asyncio.ensure_future(worker.offer("c"))
    done, _ = await asyncio.wait([third], timeout=AT_ONCE_S)
    assert not done
    go.set()
    await third
    await settle(worker)
    assert len(offered(engine)) == 3


async def test_a_connection_that_ends_forgets_what_waits(engine: Engine, patient: None) -> None:
    worker = FakeWorker(engine)
    await worker.offer("f")
    await worker.leave()
    worker.connection.gate.introduce()
    await asyncio.sleep(0)
    assert offered(engine) == []


async def test_without_grace_a_registration_settles_the_namespace(engine: Engine) -> None:
    with override_settings(III_REGISTRATION_GRACE_S=0):
        worker = FakeWorker(engine)
        await worker.offer("f")
        await worker.introduce(version="0.23.0", namespace="orders")
        await worker.offer("g")
    assert engine.functions.namespaces_of("f") == engine.functions.namespaces_of("g") == ["default"]
    await worker.leave()
    assert engine.functions.namespaces_of("f") == engine.functions.namespaces_of("g") == []
