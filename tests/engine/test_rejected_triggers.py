"""Triggers of the site that were rejected serve as soon as their obstacle goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger, TriggerTypeEntry
from tests.support.registrators import RecordingType
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
PATH = {"api_path": "c/:y"}


def of_the_site(trigger_type: str = "http", **config: Any) -> Trigger:
    return Trigger(
        id="s", trigger_type=trigger_type, function_id="f", config=config, source="admin", pk=1
    )


def state(engine: Engine) -> tuple[str, str]:
    entry = engine.triggers.get("s")
    assert entry is not None
    return (entry.state, entry.error)


async def obstruct(engine: Engine, worker: FakeWorker) -> None:
    """Let a worker have the route that a trigger of the site wants with another parameter."""
    await worker.bind("w", "http", config=PATH)
    await worker.bind("v", "http", config={"api_path": "beside"})
    await engine.triggers.register(of_the_site(api_path="c/:x"))
    assert state(engine)[0] == "rejected"


async def leave(worker: FakeWorker) -> None:
    await worker.leave()


async def unregister(worker: FakeWorker) -> None:
    await worker.send("unregistertrigger", id="w")


async def move(worker: FakeWorker) -> None:
    await worker.bind("w", "http", config={"api_path": "elsewhere"})


async def change_type(worker: FakeWorker) -> None:
    await worker.bind("w", "later")


@pytest.mark.parametrize("goes", [leave, unregister, move, change_type])
async def test_a_route_that_a_worker_lets_go_is_served_by_the_site(
    engine: Engine, connect: Connect, goes: Callable[[FakeWorker], Awaitable[None]]
) -> None:
    worker = await connect()
    await obstruct(engine, worker)
    await goes(worker)
    assert state(engine) == ("active", "")
    assert [trigger.id for trigger in engine.triggers.active("http")][-1] == "s"


async def test_it_stays_rejected_while_the_obstacle_stays(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    await obstruct(engine, worker)
    await worker.send("unregistertrigger", id="v")
    assert state(engine)[0] == "rejected"


async def test_only_what_goes_on_the_same_type_is_a_reason_to_try_again(
    engine: Engine, connect: Connect
) -> None:
    recording = RecordingType()
    await engine.triggers.register_type(
        TriggerTypeEntry(id="recording", namespace="default", registrator=recording)
    )
    worker = await connect()
    await worker.bind("t", "recorder")
    await worker.bind("u", "http", config=PATH)
    recording.refuse()
    await engine.triggers.register(of_the_site("recorder"))
    recording.failure = None
    await worker.send("unregistertrigger", id="u")
    assert state(engine) == ("rejected", "no")
    await worker.send("unregistertrigger", id="t")
    assert state(engine) == ("active", "")
    assert recording.log == [("+", "t"), ("-", "t"), ("+", "s")]


async def test_a_new_provider_is_asked_again_and_without_one_it_waits(
    engine: Engine, connect: Connect
) -> None:
    recording = RecordingType()
    type_ = TriggerTypeEntry(id="ev", namespace="default", registrator=recording, gives_way=True)
    recording.refuse()
    await engine.triggers.register_type(type_)
    await engine.triggers.register(of_the_site("ev"))
    assert state(engine) == ("rejected", "no")
    provider = await connect()
    await provider.send("registertriggertype", id="ev")
    assert state(engine) == ("active", "")
    await provider.leave()
    assert state(engine) == ("rejected", "no")
    await engine.triggers.unregister_type(type_.key, None)
    assert state(engine)[0] == "parked"
