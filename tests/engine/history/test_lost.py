"""Runs of processes that are gone have failed, unless the process was only silent."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.utils import timezone

from iii_triggers.engine.calls import Call
from iii_triggers.engine.core import Engine
from iii_triggers.engine.history.lost import fail_lost_runs
from iii_triggers.engine.nodes import ThisNode
from iii_triggers.models import Invocation, Node
from tests.support.workers import FakeWorker


def run(node_id: str, status: str = "running") -> Invocation:
    return Invocation.objects.create(
        status=status, function_id="f", node_id=node_id, started_at=timezone.now()
    )


def node(node_id: str, *, host: str = "elsewhere", pid: int = 1) -> None:
    now = timezone.now()
    Node.objects.create(node_id=node_id, host=host, pid=pid, started_at=now, heartbeat_at=now)


@pytest.mark.django_db
def test_only_what_runs_nowhere_has_failed() -> None:
    node("living")
    living, lost = run("living"), run("gone")
    done, failed = run("gone", "succeeded"), run("gone", "failed")
    assert [fail_lost_runs(), fail_lost_runs()] == [1, 0]
    lost.refresh_from_db()
    assert (lost.status, lost.error_code, lost.duration_ms) == ("failed", "node_lost", None)
    assert "gone" in lost.error
    for row in (living, done, failed):
        before = row.status
        row.refresh_from_db()
        assert (row.status, row.error_code) == (before, "")


@pytest.mark.django_db
def test_what_a_stopped_process_left_fails_at_once() -> None:
    this = ThisNode()
    this.join()
    row = run(this.node_id)
    this.leave()
    ThisNode().join()
    row.refresh_from_db()
    assert row.error_code == "node_lost"


@pytest.mark.django_db
def test_what_a_killed_process_ran_has_failed() -> None:
    this = ThisNode()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        node("other", host=socket.gethostname(), pid=process.pid)
        row = run("other")
        this.join()
        assert Invocation.objects.get().status == "running"
        process.kill()
        process.wait()
    this.sweep()
    row.refresh_from_db()
    assert (row.status, row.error_code) == ("failed", "node_lost")


async def test_a_process_that_was_only_silent_finishes_its_runs(
    engine: Engine, connect: Callable[..., Awaitable[FakeWorker]], settings: Any
) -> None:
    settings.III_HISTORY = "all"
    worker = await connect("f")
    call = asyncio.ensure_future(engine.invoker.invoke(Call(function_id="f")))
    await asyncio.sleep(0)
    (pending,) = engine.invoker.pending
    await engine.history.show(pending)
    await engine.database.run(_sweep_away)
    assert await engine.database.run(_state) == ("failed", "node_lost")
    await engine._beat()
    await engine._record()
    assert await engine.database.run(_state) == ("running", "")
    await worker.answer(worker.invocations[-1], result=1)
    await call
    await engine.history.flush()
    assert await engine.database.run(_state) == ("succeeded", "")


async def test_a_run_that_was_shown_is_finished_however_many_wait(
    engine: Engine, connect: Callable[..., Awaitable[FakeWorker]], settings: Any
) -> None:
    settings.III_HISTORY = "all"
    worker = await connect("f")
    engine.invoker.start(Call(function_id="f"), lambda outcome: None)
    await engine.history.show(*engine.invoker.pending)
    settings.III_HISTORY_MAX_PENDING = 0
    await worker.answer(worker.invocations[-1], result=1)
    await engine.history.flush()
    assert await engine.database.run(_state) == ("succeeded", "")


def _sweep_away() -> None:
    Node.objects.all().delete()
    fail_lost_runs()


def _state() -> tuple[str, str]:
    row = Invocation.objects.get()
    return row.status, row.error_code
