"""``engine::workers-available``: told of workers that come, introduce themselves and go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import OperationalError

from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.trigger_types import workers_available
from tests.support.eventually import eventually
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

TYPE = "engine::workers-available"


async def subscribed(connect: Connect, trigger_id: str = "t") -> FakeWorker:
    worker = await connect("told")
    await worker.bind(trigger_id, TYPE, function_id="told")
    return worker


async def told(worker: FakeWorker, number: int) -> list[tuple[str, str]]:
    """Return what a worker is told; each firing is answered, those of one worker are in order."""
    for count in range(1, number + 1):
        frames = await worker.transport.receive("invokefunction", count)
        await worker.answer(frames[count - 1], result=None)
    return [(frame["data"]["event"], frame["data"]["worker_id"]) for frame in worker.invocations]


async def test_a_worker_comes_introduces_itself_and_goes(connect: Connect) -> None:
    worker = await subscribed(connect)
    other = await connect()
    await other.introduce(name="again")
    await other.leave()
    assert await told(worker, 4) == [
        ("worker_connected", other.id),
        ("worker_metadata_updated", other.id),
        ("worker_metadata_updated", other.id),
        ("worker_disconnected", other.id),
    ]


async def test_a_connection_without_a_message_is_nobody(engine: Engine, connect: Connect) -> None:
    worker = await subscribed(connect)
    ghost = FakeWorker(engine)
    await ghost.leave()
    other = FakeWorker(engine)
    await other.send("ping")
    await other.leave()
    events = await told(worker, 2)
    assert events == [("worker_connected", other.id), ("worker_disconnected", other.id)]


async def test_a_slow_function_holds_up_no_other(connect: Connect) -> None:
    slow, quick = await subscribed(connect, "slow"), await subscribed(connect, "quick")
    assert await told(slow, 2)
    before = len(slow.invocations)
    other = await connect()
    assert ("worker_metadata_updated", other.id) in await told(quick, 2)
    assert len(slow.invocations) == before + 1


async def test_one_that_ends_is_told_nothing(connect: Connect) -> None:
    worker = await subscribed(connect)
    await worker.send("unregistertrigger", id="t")
    await connect()
    assert worker.invocations == []


async def test_the_site_is_told_as_well(engine: Engine, connect: Connect) -> None:
    heard: list[Any] = []
    engine.functions.add_local(declare(engine.site, "site", heard.append))
    trigger = Trigger(id="s", trigger_type=TYPE, function_id="site", source="code")
    await engine.triggers.register(trigger)
    other = await connect()

    async def heard_both() -> bool:
        return len(heard) == 2

    await eventually(heard_both)
    assert heard[0] == {"event": "worker_connected", "worker_id": other.id}


async def test_a_database_that_is_away_keeps_nobody_from_subscribing(
    engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def look(node_id: str) -> list[tuple[str, str]]:
        looks.append(node_id)
        if len(looks) == 1:
            raise OperationalError
        return []

    monkeypatch.setattr(workers_available, "_workers_elsewhere", look)
    for number in range(3):
        worker = await subscribed(connect, f"t{number}")
        assert worker.transport.of_type("triggerregistrationresult") == []
        assert engine.triggers.get(f"t{number}") is not None
    assert len(looks) == 2


async def test_a_watcher_that_fails_stops_nothing(
    engine: Engine, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: str, connection: Any) -> None:
        raise RuntimeError

    engine.presence.watchers.insert(0, fail)
    worker = await subscribed(connect)
    other = await connect()
    assert ("worker_connected", other.id) in await told(worker, 2)
    assert "worker_connected" in caplog.text
