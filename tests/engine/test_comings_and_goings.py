"""Workers that come and go many times leave nothing behind: tables, rows, tasks."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

from django.apps import apps

from iii_triggers.engine.connections import WorkerConnection
from iii_triggers.engine.core import Engine
from tests.support.workers import FakeWorker

Flush = Callable[[], Awaitable[None]]

CYCLES = 400
WRITTEN = 50
"""Cycles whose rows are written while the worker is there."""


async def come_and_go(engine: Engine, number: int, flush: Flush) -> None:
    """Be a worker that uses all there is, is called, calls, and leaves in the middle of it."""
    worker, caller = FakeWorker(engine), FakeWorker(engine)
    await worker.introduce(name=f"w{number}", pid=number)
    await worker.offer("f", f"f.{number}")
    await worker.send("registertriggertype", id=f"type.{number}", description="")
    await worker.bind("route", "http", config={"api_path": f"path/{number}"})
    await worker.bind("job", "cron", config={"expression": "0 0 0 * * *"})
    await worker.bind("own", f"type.{number}")
    await worker.bind("parked", f"nobody.{number}")
    await worker.bind("watch", "state", config={"scope": f"scope.{number}"})
    await caller.start_call("f", {"n": number}, invocation_id="i")
    await worker.start_call("f", {"n": number}, invocation_id="j")
    if number < WRITTEN:
        await flush()
    await worker.leave()
    await caller.leave()


def sizes(engine: Engine) -> dict[str, Any]:
    """Count everything that a connection may leave in memory."""
    functions, triggers = engine.functions, engine.triggers
    gc.collect()
    return {
        "connections": len(engine.connections),
        "offers": len(functions._offers),
        "namespaces": len(functions._namespaces),
        "triggers": len(list(triggers.entries())),
        "trigger ids": len(triggers._triggers._by_id),
        "parked": len(triggers._triggers._parked),
        "rejected": len(triggers._triggers._rejected),
        "types": len(list(triggers.types())),
        "calls": engine.invoker.in_flight,
        "tasks": len(asyncio.all_tasks()),
        "live connections": sum(type(o) is WorkerConnection for o in gc.get_objects()),
    }


def rows() -> dict[str, int]:
    """Count the rows of every table of the app."""
    return {
        model.__name__: model._base_manager.count()
        for model in apps.get_app_config("iii_triggers").get_models()
    }


async def test_many_comings_and_goings_leave_nothing(engine: Engine, flush: Flush) -> None:
    await come_and_go(engine, CYCLES, flush)
    await flush()
    before, rows_before = sizes(engine), await engine.database.run(rows)
    for number in range(CYCLES):
        await come_and_go(engine, number, flush)
    assert await engine.invoker.wait_idle(1)
    await flush()
    assert sizes(engine) == before
    rows_after = await engine.database.run(rows)
    # Types that were written outlive their providers, and other processes are told of them.
    for kept in ("TriggerType", "Change"):
        assert rows_after.pop(kept) - rows_before.pop(kept) <= WRITTEN
    assert rows_after == rows_before
    assert not engine.mirror.is_dirty
