"""Firing a trigger whose worker is connected to another process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from django.test import override_settings

from iii_triggers.engine.core import Engine
from iii_triggers.models import Invocation, Trigger
from iii_triggers.operations.firing import fire
from tests.engine.bus.conftest import here, layer, make_engine, make_layer, offer, there
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

__all__ = ["here", "layer", "make_engine", "make_layer", "offer", "there"]


async def test_the_call_goes_over_the_bus(
    here: Engine,
    there: Engine,
    offer: Callable[..., Awaitable[FakeWorker]],
) -> None:
    worker = await offer(there, "f")
    trigger = Trigger(trigger_id="t", trigger_type="state", function_id="f", metadata=[1])
    with override_settings(III_HISTORY="all"):
        task = asyncio.create_task(in_thread(partial(fire, trigger, {"n": 1}, wait_s=10)))
        [asked] = await worker.transport.receive("invokefunction")
        await worker.answer(asked, result=2)
        result = await task
    assert (asked["data"], asked["metadata"], result.result) == ({"n": 1}, [1], 2)
    run = await here.database.run(Invocation.objects.get)
    assert (str(run.pk), run.trigger_id, run.status) == (result.run_id, "t", "succeeded")
