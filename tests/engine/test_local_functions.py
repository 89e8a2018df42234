"""The site's own functions, and the engine's built-in ones, as executors."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers import ainvoke, current_invocation
from iii_triggers.engine.calls import Call
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.errors import (
    IiiError,
    InvocationFailed,
    InvocationTimeout,
    SerializationFailed,
)
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Run = Callable[..., Awaitable[Any]]


@pytest.fixture
def run(engine: Engine, site: SiteFunctions) -> Run:
    """Declare a handler and call it."""

    async def run(handler: Callable[..., Any], data: Any = None, **facts: Any) -> Any:
        engine.functions.add_local(declare(site, "f", handler))
        call = Call(function_id="f", data=Payload.of(data), **facts)
        return (await engine.invoker.invoke(call)).value()

    return run


async def test_an_async_function_runs_on_the_loop(run: Run) -> None:
    async def double(data: int) -> int:
        assert threading.current_thread() is threading.main_thread()
        return data * 2

    assert await run(double, 21) == 42


async def test_a_plain_function_runs_in_a_thread_and_does_not_stop_the_loop(run: Run) -> None:
    release = threading.Event()

    def wait(data: Any) -> str:
        assert release.wait(5)
        return threading.current_thread().name

    asyncio.get_running_loop().call_later(0.01, release.set)
    assert (await run(wait)).startswith("iii-function")


async def test_what_a_function_raises_is_its_error(run: Run) -> None:
    def fail(data: Any) -> None:
        raise ValueError("broken")

    with pytest.raises(InvocationFailed) as caught:
        await run(fail)
    assert (caught.value.code, caught.value.message) == ("invocation_failed", "broken")


async def test_a_coded_error_of_a_function_keeps_its_code(run: Run) -> None:
    async def fail(data: Any) -> None:
        raise IiiError("not yours", code="MINE")

    with pytest.raises(IiiError) as caught:
        await run(fail)
    assert caught.value.code == "MINE"


async def test_an_error_made_of_another_reaches_the_caller_and_the_history(run: Run) -> None:
    def fail(data: Any) -> None:
        odd: Any = ValueError("broken")
        raise IiiError(odd, code=odd)

    with override_settings(III_HISTORY="all"), pytest.raises(IiiError) as caught:
        await asyncio.wait_for(run(fail), 5)
    assert (caught.value.code, caught.value.message) == ("broken", "broken")


@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit, TimeoutError])
async def test_a_function_cannot_hang_its_caller_or_end_the_engine(
    run: Run, error: type[BaseException]
) -> None:
    async def fail(data: Any) -> None:
        raise error("gone")

    with pytest.raises(InvocationFailed):
        await run(fail, timeout_s=2)


async def test_a_plain_function_that_exits_is_only_a_failed_function(run: Run) -> None:
    with pytest.raises(InvocationFailed):
        await run(lambda data: sys.exit(3), timeout_s=2)


async def test_the_deadline_ends_an_async_function(run: Run) -> None:
    cancelled = asyncio.Event()

    async def wait(data: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(InvocationTimeout):
        await run(wait, timeout_s=0.01)
    assert cancelled.is_set()


async def test_a_caller_hears_of_the_deadline_of_a_plain_function(run: Run) -> None:
    release = threading.Event()
    with pytest.raises(InvocationTimeout):
        await run(lambda data: release.wait(5), timeout_s=0.01)
    release.set()


async def test_what_a_function_sets_in_its_context_stays_there(run: Run) -> None:
    seen: contextvars.ContextVar[int] = contextvars.ContextVar("seen", default=0)

    async def change(data: Any) -> None:
        seen.set(1)

    await run(change)
    await run(lambda data: seen.set(2) and None)
    assert seen.get() == 0


async def test_a_result_that_is_not_json_is_an_error_for_a_worker(
    engine: Engine, site: SiteFunctions, connect: Connect
) -> None:
    engine.functions.add_local(declare(site, "f", lambda data: object()))
    caller = await connect()
    assert (await caller.call("f"))["error"]["code"] == "serialization_error"


async def test_data_that_is_not_json_is_an_error_for_a_function_of_a_worker(
    engine: Engine, connect: Connect
) -> None:
    executor = await connect("f")
    with pytest.raises(SerializationFailed):
        await engine.invoker.invoke(Call(function_id="f", data=Payload.of(object())))
    assert engine.invoker.in_flight == 0
    assert executor.invocations == []


async def test_a_worker_gets_no_result_of_a_function_that_returns_none(
    engine: Engine, site: SiteFunctions, connect: Connect
) -> None:
    engine.functions.add_local(declare(site, "f", lambda data: None))
    caller = await connect()
    assert "result" not in await caller.call("f")


async def test_the_function_of_a_worker_comes_before_the_sites_own(
    engine: Engine, site: SiteFunctions, connect: Connect
) -> None:
    engine.functions.add_local(declare(site, "f", lambda data: "site"))
    caller, executor = await connect(), await connect("f")
    await caller.start_call("f")
    assert len(executor.invocations) == 1
    await executor.leave()
    assert (await caller.call("f"))["result"] == "site"


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_function_learns_of_its_invocation(run: Run, is_async: bool) -> None:
    def plain(data: Any) -> Any:
        invocation = current_invocation()
        assert invocation is not None
        return [invocation.id, invocation.function_id, invocation.metadata]

    async def coroutine(data: Any) -> Any:
        return plain(data)

    handler = coroutine if is_async else plain
    facts = {"invocation_id": "an-id", "metadata": {"team": "web"}}
    assert await run(handler, **facts) == ["an-id", "f", {"team": "web"}]
    assert current_invocation() is None


async def test_an_error_of_an_inner_call_is_the_functions_own(run: Run) -> None:
    """It must not look as if the function itself were not there."""

    async def call_nobody(data: Any) -> Any:
        return await ainvoke("nobody")

    with pytest.raises(InvocationFailed) as caught:
        await run(call_nobody)
    assert caught.value.code == "function_not_found"


async def test_an_exception_without_a_message_is_named(run: Run) -> None:
    async def fail(data: Any) -> Any:
        raise ValueError

    with pytest.raises(InvocationFailed, match="ValueError"):
        await run(fail)


async def test_a_function_that_ignores_its_cancellation_does_not_keep_the_engine(
    engine: Engine, site: SiteFunctions
) -> None:
    started, end = asyncio.Event(), asyncio.Event()

    async def stubborn(data: Any) -> None:
        started.set()
        while not end.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await end.wait()

    engine.functions.add_local(declare(site, "f", stubborn))
    call = asyncio.create_task(engine.invoker.invoke(Call(function_id="f")))
    await started.wait()
    with override_settings(III_SHUTDOWN_GRACE_S=0.01):
        await asyncio.wait_for(engine.stop(), 5)
    assert len(engine.invoker.stuck) == 1
    end.set()
    await asyncio.wait(engine.invoker.stuck, timeout=5)
    await asyncio.gather(call, return_exceptions=True)
