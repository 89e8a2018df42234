"""Running a function for somebody who waits a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime

import pytest
from django.db import connection, connections
from django.test import override_settings

from iii_triggers.engine.calls import Call
from iii_triggers.engine.core import Engine
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Invocation
from iii_triggers.operations.runs import RunResult, start
from iii_triggers.protocol.errors import WrongThread
from tests.support.site import declare
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


@pytest.fixture(autouse=True)
def recording() -> Iterator[None]:
    with override_settings(III_HISTORY="all"):
        yield


async def status_of(engine: Engine, run_id: str) -> str:
    return await engine.database.run(lambda: Invocation.objects.get(pk=run_id).status)


async def started(
    worker: FakeWorker, call: Call, *, wait_s: float
) -> tuple[asyncio.Task[RunResult], dict[str, object]]:
    known = len(worker.invocations)
    task = asyncio.create_task(asyncio.to_thread(start, call, wait_s=wait_s))
    [*_, invocation] = await worker.transport.receive("invokefunction", known + 1)
    return task, invocation


async def test_the_result_comes_with_the_run(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    task, invocation = await started(worker, Call(function_id="f", data=Payload.of(1)), wait_s=10)
    await worker.answer(invocation, result={"x": 2})
    result = await task
    assert (result.status, result.result) == ("succeeded", {"x": 2})
    assert await status_of(engine, result.run_id) == "succeeded"


async def test_whoever_waits_keeps_no_connection_to_the_database(
    engine: Engine, connect: Connect
) -> None:
    worker, mine = await connect("f"), []

    def ask() -> RunResult:
        connection.ensure_connection()
        mine.append(connections["default"])
        return start(Call(function_id="f"), wait_s=10)

    task = asyncio.create_task(in_thread(ask))
    [invocation] = await worker.transport.receive("invokefunction")
    is_open = mine[0].connection is not None
    await worker.answer(invocation, result=1)
    assert ((await task).result, is_open) == (1, False)


async def test_an_error_comes_with_the_run(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    task, invocation = await started(worker, Call(function_id="f"), wait_s=10)
    await worker.answer(invocation, error={"code": "E1", "message": "no"})
    result = await task
    assert (result.status, result.error_code, result.error) == ("failed", "E1", "no")
    assert await status_of(engine, result.run_id) == "failed"


async def test_a_function_that_is_not_there_is_a_failed_run(engine: Engine) -> None:
    result = await asyncio.to_thread(start, Call(function_id="nobody"), wait_s=10)
    assert (result.status, result.error_code) == ("failed", "function_not_found")
    assert await status_of(engine, result.run_id) == "failed"


async def test_who_does_not_wait_finds_the_run_while_it_runs(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect("f")
    task, invocation = await started(worker, Call(function_id="f"), wait_s=0)
    result = await task
    assert result.status == "running"
    assert await status_of(engine, result.run_id) == "running"
    await worker.answer(invocation, result=1)
    await engine.history.flush()
    assert await status_of(engine, result.run_id) == "succeeded"


async def test_a_result_that_python_cannot_read_is_a_failure(
    engine: Engine, connect: Connect
) -> None:
    worker = await connect("f")
    task, invocation = await started(worker, Call(function_id="f"), wait_s=10)
    await worker.answer(invocation, result=None)
    assert (await task).result is None


async def test_on_the_event_loop_it_is_refused(engine: Engine) -> None:
    with pytest.raises(WrongThread):
        start(Call(function_id="f"), wait_s=1)


@pytest.mark.parametrize(
    ("returned", "status", "result"),
    [
        (datetime(2026, 1, 2, 3, 4), "succeeded", "2026-01-02T03:04:00"),
        ((1, 2), "succeeded", [1, 2]),
        (object(), "failed", None),
    ],
)
async def test_what_a_function_of_the_site_returns_is_made_json(
    engine: Engine, returned: object, status: str, result: object
) -> None:
    engine.functions.add_local(declare(engine.site, "f", lambda data: returned))
    ended = await asyncio.to_thread(start, Call(function_id="f"), wait_s=10)
    assert (ended.status, ended.result) == (status, result)
