"""What is told of workers that come and go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from iii_triggers.engine.core import Engine
from iii_triggers.models import Worker
from tests.support.workers import FakeWorker

Flush = Callable[[], Awaitable[None]]


async def test_a_worker_that_left_before_its_introduction_was_handled_leaves_no_row(
    engine: Engine, flush: Flush
) -> None:
    worker = FakeWorker(engine)
    told: list[str] = []
    engine.presence.watchers.append(lambda event, _: told.append(event))
    await worker.start_call("engine::workers::register", {"name": "w"}, invocation_id="i")
    await worker.leave()
    assert await engine.invoker.wait_idle(1)
    engine.presence.introduced(worker.connection)
    engine.presence.spoke(worker.connection)
    await flush()
    assert not await engine.database.run(Worker.objects.exists)
    assert told == ["worker_connected", "worker_disconnected"]
