"""Threads for the site's plain functions: how many there are, and who waits for whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers import ainvoke, invoke
from iii_triggers.engine.core import Engine
from iii_triggers.engine.declarations import SiteFunctions
from iii_triggers.engine.threads import SiteThreads
from iii_triggers.protocol.errors import InvocationFailed
from tests.support.site import declare


@pytest.fixture
def two_slots() -> Iterator[SiteThreads]:
    threads = SiteThreads()
    with override_settings(III_SITE_THREADS=2):
        yield threads
    threads.shutdown()


class Crowd:
    """Counts who is inside at the same time, and keeps everybody until it is opened."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self._lock = threading.Lock()

    def enter(self, data: Any = None) -> str:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        assert self.open.wait(10)
        with self._lock:
            self.inside -= 1
        return "out"

    async def has(self, count: int) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self.entered.acquire, timeout=5)


async def test_no_more_functions_run_at_once_than_there_are_slots(two_slots: SiteThreads) -> None:
    crowd = Crowd()
    runs = [asyncio.create_task(two_slots.run(crowd.enter)) for _ in range(6)]
    await crowd.has(2)
    crowd.open.set()
    assert await asyncio.gather(*runs) == ["out"] * 6
    assert crowd.most == 2


async def test_a_caller_that_gave_up_in_the_queue_leaves_its_turn_to_others(
    two_slots: SiteThreads,
) -> None:
    crowd = Crowd()
    runs = [asyncio.create_task(two_slots.run(crowd.enter)) for _ in range(2)]
    await crowd.has(2)
    impatient = asyncio.create_task(two_slots.run(crowd.enter))
    patient = asyncio.create_task(two_slots.run(crowd.enter))
    await asyncio.sleep(0)
    impatient.cancel()
    crowd.open.set()
    assert await asyncio.gather(*runs, patient) == ["out"] * 3


async def test_the_slot_of_a_caller_that_gave_up_stays_taken_while_its_function_runs(
    two_slots: SiteThreads,
) -> None:
    crowd = Crowd()
    runs = [asyncio.create_task(two_slots.run(crowd.enter)) for _ in range(2)]
    await crowd.has(2)
    runs[0].cancel()
    late = asyncio.create_task(two_slots.run(crowd.enter))
    await asyncio.sleep(0)
    assert crowd.inside == 2
    crowd.open.set()
    assert await late == "out"
    assert crowd.most == 2


async def test_plain_functions_that_call_plain_functions_do_not_wait_for_each_other(
    engine: Engine, site: SiteFunctions
) -> None:
    both_inside = threading.Barrier(2)

    def outer(data: Any) -> Any:
        both_inside.wait(5)
        return invoke("inner", data, timeout_s=5)

    engine.functions.add_local(declare(site, "outer", outer))
    engine.functions.add_local(declare(site, "inner", lambda data: data * 2))
    with override_settings(III_SITE_THREADS=2):
        calls = [ainvoke("outer", number, timeout_s=8) for number in range(2)]
        assert await asyncio.gather(*calls) == [0, 2]


async def test_stop_iteration_is_an_error_like_any_other(
    engine: Engine, site: SiteFunctions
) -> None:
    engine.functions.add_local(declare(site, "f", lambda data: next(iter([]))))
    with pytest.raises(InvocationFailed, match="StopIteration"):
        await ainvoke("f", timeout_s=3)
