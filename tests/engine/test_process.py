"""Calling the engine of the process from plain and from async code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from queue import Queue
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers import afire_triggers, ainvoke, fire_triggers, get_engine, invoke
from iii_triggers.context import speaking_worker
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.process import process_engine
from iii_triggers.engine.trigger_values import Trigger, TriggerTypeEntry
from iii_triggers.protocol.errors import (
    FunctionNotFound,
    InvocationFailed,
    InvocationTimeout,
    WrongThread,
)
from tests.support.registrators import RecordingType
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


@pytest.fixture
def background(transactional_db: None, quiet: None, site: SiteFunctions) -> Iterator[None]:
    """No engine yet: the first call starts one in a thread."""
    process_engine.replace(Engine(site=site))
    yield
    engine = get_engine()
    if engine.is_running:
        assert engine.loop is not None
        loop = engine.loop
        asyncio.run_coroutine_threadsafe(engine.stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
    process_engine.replace(None)


def test_plain_code_calls_functions(background: None, site: SiteFunctions) -> None:
    declare(site, "double", lambda data: data * 2)
    assert invoke("double", 21) == 42
    assert threading.current_thread() is threading.main_thread()


def test_the_loops_of_the_engine_keep_nothing_of_who_called_first(
    background: None, site: SiteFunctions, settings: Any
) -> None:
    settings.III_HEARTBEAT_INTERVAL_S = 0.01
    declare(site, "double", lambda data: data * 2)
    beats: Queue[str] = Queue()
    get_engine().heart.on_beat.append(lambda: beats.put(speaking_worker.get()))
    told = speaking_worker.set("who calls first")
    assert invoke("double", 21) == 42
    speaking_worker.reset(told)
    assert beats.get(timeout=5) == ""


def test_many_threads_share_one_engine(background: None, site: SiteFunctions) -> None:
    declare(site, "double", lambda data: data * 2)
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda i=i: results.append(invoke("double", i))) for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(results) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert len([t for t in threading.enumerate() if t.name == "iii-engine"]) >= 1


def test_the_errors_of_a_call_are_raised(background: None, site: SiteFunctions) -> None:
    def fail(data: Any) -> None:
        raise ValueError("broken")

    declare(site, "fail", fail)
    declare(site, "nothing", lambda data: None)
    with pytest.raises(InvocationFailed, match="broken"):
        invoke("fail")
    with pytest.raises(FunctionNotFound):
        invoke("missing")
    assert invoke("nothing") is None


def test_plain_code_has_a_deadline(background: None, site: SiteFunctions) -> None:
    async def wait(data: Any) -> None:
        await asyncio.Event().wait()

    declare(site, "wait", wait)
    with pytest.raises(InvocationTimeout):
        invoke("wait", timeout_s=0.01)


def test_async_code_on_another_loop_calls_functions(background: None, site: SiteFunctions) -> None:
    declare(site, "double", lambda data: data * 2)
    assert asyncio.run(ainvoke("double", 2)) == 4
    assert asyncio.run(ainvoke("double", 3)) == 6


async def test_async_code_on_the_engines_loop_calls_functions(
    engine: Engine, site: SiteFunctions
) -> None:
    engine.functions.add_local(declare(site, "double", lambda data: data * 2))
    assert await ainvoke("double", 2) == 4


async def test_a_call_that_would_block_the_loop_it_waits_for_is_refused(engine: Engine) -> None:
    with pytest.raises(WrongThread):
        invoke("f")
    with pytest.raises(WrongThread):
        fire_triggers("ev")


async def test_a_function_in_a_thread_may_call_functions(
    engine: Engine, site: SiteFunctions
) -> None:
    engine.functions.add_local(declare(site, "inner", lambda data: data + 1))
    engine.functions.add_local(declare(site, "outer", lambda data: invoke("inner", data) * 2))
    assert await ainvoke("outer", 1) == 4


async def test_metadata_reaches_the_function(engine: Engine, connect: Connect) -> None:
    worker = await connect("f")
    call = asyncio.ensure_future(ainvoke("f", {"a": 1}, metadata={"m": 1}))
    [invocation] = await worker.transport.receive("invokefunction")
    assert invocation["metadata"] == {"m": 1}
    await worker.answer(invocation, result=1)
    assert await call == 1


async def test_firing_reaches_every_live_trigger_and_waits_for_none(
    engine: Engine, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    type_ = TriggerTypeEntry(id="ev", namespace="default", registrator=RecordingType())
    await engine.triggers.register_type(type_)
    worker = await connect("f")
    await worker.bind("t", "ev")
    await worker.bind("u", "ev", function_id="missing")
    assert await afire_triggers("ev", {"n": 1}) == 2
    assert await asyncio.to_thread(fire_triggers, "ev", {"n": 2}) == 2
    assert [frame["data"] for frame in worker.invocations] == [{"n": 1}, {"n": 2}]
    assert "Trigger u: Function missing not found" in caplog.text
    assert await afire_triggers("unknown") == 0


async def test_a_disabled_trigger_is_not_fired(engine: Engine) -> None:
    type_ = TriggerTypeEntry(id="ev", namespace="default", registrator=RecordingType())
    await engine.triggers.register_type(type_)
    await engine.triggers.register(
        Trigger(id="t", trigger_type="ev", function_id="f", source="admin", pk=1)
    )
    await engine.triggers.unregister("t", namespace="default")
    assert await afire_triggers("ev") == 0


def test_an_engine_that_could_not_start_is_started_by_the_next_call(
    background: None, site: SiteFunctions
) -> None:
    with override_settings(III_TRIGGER_TYPES=["not.there"]), pytest.raises(ImportError):
        invoke("engine::workers::list")
    names = [worker["name"] for worker in invoke("engine::workers::list")["workers"]]
    assert names == ["engine"]


async def test_connections_that_start_together_start_one_engine(
    transactional_db: None, quiet: None
) -> None:
    process_engine.replace(Engine())
    first, second = await asyncio.gather(
        process_engine.start_here(kind="asgi"), process_engine.start_here(kind="asgi")
    )
    assert first is second
    assert first.node.kind == "asgi"
    await first.stop()
    await first.stop()
    process_engine.replace(None)


async def test_the_engine_of_runengine_stays_one(transactional_db: None, quiet: None) -> None:
    process_engine.replace(Engine(kind="engine"))
    engine = await process_engine.start_here(kind="asgi")
    assert engine.node.kind == "engine"
    await engine.stop()
    process_engine.replace(None)


def test_an_engine_started_in_the_background_moves_to_the_server(
    background: None, site: SiteFunctions
) -> None:
    """Code of the site may call functions before the first connection, as under Daphne."""
    declare(site, "double", lambda data: data * 2)
    assert invoke("double", 1) == 2
    old = get_engine()

    async def serve() -> None:
        engines = await asyncio.gather(*(process_engine.start_here(kind="asgi") for _ in range(3)))
        assert len(set(engines)) == 1
        assert engines[0] is not old
        assert engines[0].loop is asyncio.get_running_loop()
        assert not old.is_running
        await engines[0].stop()

    asyncio.run(asyncio.wait_for(serve(), 15))
