"""Trigger types of workers: forwarded, restarted, refused late (sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import LimitExceeded
from tests.support.workers import FakeWorker, Frame, provided

Connect = Callable[..., Awaitable[FakeWorker]]
Provide = Callable[..., Awaitable[FakeWorker]]


@pytest.fixture
def provide(connect: Connect) -> Provide:
    """Connect a worker that provides the type ``ev``."""

    async def provide(**fields: Any) -> FakeWorker:
        worker = await connect()
        await worker.send("registertriggertype", id="ev", description="Events.", **fields)
        return worker

    return provide


def delivered(worker: FakeWorker) -> list[str]:
    """What the provider was told, in order."""
    signs = {"registertrigger": "+", "unregistertrigger": "-"}
    return [signs[f["type"]] + f["id"] for f in worker.transport.frames if f["type"] in signs]


def state(engine: Engine, trigger_id: str) -> str:
    entry = engine.triggers.get(trigger_id)
    assert entry is not None
    return entry.state


def of_the_site(**facts: Any) -> Trigger:
    values = {"id": "s", "trigger_type": "ev", "function_id": "f", "source": "admin", "pk": 1}
    return Trigger(**{**values, **facts})  # type: ignore[arg-type]


async def test_a_trigger_is_forwarded_to_the_provider_as_it_came(
    connect: Connect, provide: Provide
) -> None:
    provider, consumer = await provide(), await connect()
    before = len(consumer.transport.frames)
    await consumer.bind("t", "ev", function_id="g", config={"a": [1]}, metadata={"m": 1})
    [frame] = provider.transport.of_type("registertrigger")
    assert frame == {
        "type": "registertrigger",
        "id": "t",
        "trigger_type": "ev",
        "function_id": "g",
        "config": {"a": [1]},
        "metadata": {"m": 1},
    }
    await provider.send("triggerregistrationresult", id="t", trigger_type="ev", function_id="g")
    await consumer.send("unregistertrigger", id="t")
    [frame] = provider.transport.of_type("unregistertrigger")
    assert frame == {"type": "unregistertrigger", "id": "t", "trigger_type": "ev"}
    assert len(consumer.transport.frames) == before


async def test_the_namespace_of_the_function_is_forwarded_unless_it_is_the_default(
    connect: Connect, provide: Provide
) -> None:
    provider, consumer = await provide(), await connect()
    await consumer.bind("t", "ev", namespace="tenant")
    [frame] = provider.transport.of_type("registertrigger")
    assert frame["namespace"] == "tenant"
    assert frame["config"] is None


async def test_a_provider_that_restarts_gets_every_trigger_exactly_once(
    engine: Engine, connect: Connect, provide: Provide
) -> None:
    consumer = await connect()
    first = await provide()
    await consumer.bind("t", "ev")
    await consumer.bind("u", "ev")
    await engine.triggers.register(of_the_site())
    before = len(consumer.transport.frames)
    await first.leave()
    assert state(engine, "t") == state(engine, "s") == "parked"
    second = await provide()
    assert delivered(second) == ["+t", "+u", "+s"]
    assert state(engine, "t") == state(engine, "s") == "active"
    assert len(consumer.transport.frames) == before


async def test_a_provider_that_overlaps_its_old_connection_gets_every_trigger_exactly_once(
    engine: Engine, connect: Connect, provide: Provide
) -> None:
    consumer, first = await connect(), await provide()
    await consumer.bind("t", "ev")
    second = await provide()
    await first.leave()
    assert delivered(second) == ["+t"]
    assert state(engine, "t") == "active"
    assert delivered(first) == ["+t"]


async def test_a_type_that_is_withdrawn_parks_its_triggers(
    engine: Engine, connect: Connect, provide: Provide
) -> None:
    consumer, provider = await connect(), await provide()
    await consumer.bind("t", "ev")
    await consumer.send("unregistertriggertype", id="ev")
    assert state(engine, "t") == "active"
    await provider.send("unregistertriggertype", id="ev")
    assert state(engine, "t") == "parked"
    await provider.send("registertriggertype", id="ev")
    assert delivered(provider) == ["+t", "+t"]


async def test_the_provider_is_told_when_an_owner_disconnects(
    connect: Connect, provide: Provide
) -> None:
    consumer, provider = await connect(), await provide()
    await consumer.bind("t", "ev")
    await consumer.leave()
    assert delivered(provider) == ["+t", "-t"]


async def test_a_worker_that_provides_and_binds_leaves_nothing_behind(
    engine: Engine, provide: Provide
) -> None:
    worker = await provide()
    await worker.bind("t", "ev")
    await worker.leave()
    assert list(engine.triggers.entries()) == []
    assert provided(engine) == []


async def test_a_provider_that_just_closed_parks_the_trigger(
    engine: Engine, connect: Connect, provide: Provide
) -> None:
    consumer, provider = await connect(), await provide()
    provider.transport.is_broken = True
    await consumer.bind("t", "ev")
    assert state(engine, "t") == "parked"
    assert consumer.transport.of_type("triggerregistrationresult") == []


async def refuse(provider: FakeWorker, error: Any = None) -> None:
    await provider.send(
        "triggerregistrationresult",
        id="t",
        trigger_type="ev",
        function_id="f",
        error=error or {"code": "E", "message": "no"},
    )


async def test_a_late_refusal_parks_the_trigger_and_reaches_its_owner(
    engine: Engine, connect: Connect, provide: Provide
) -> None:
    consumer, provider = await connect(), await provide()
    await consumer.bind("t", "ev")
    await refuse(provider)
    entry = engine.triggers.get("t")
    assert entry is not None
    assert (entry.state, entry.error) == ("parked", "E: no")
    [frame] = consumer.transport.of_type("triggerregistrationresult")
    assert frame["error"] == {"code": "E", "message": "no"}
    await provider.send("registertriggertype", id="ev")
    assert delivered(provider) == ["+t", "+t"]


async def test_only_the_provider_of_the_type_may_refuse(
    engine: Engine, connect: Connect, provide: Provide
) -> None:
    consumer, former, provider = await connect(), await provide(), await provide()
    await consumer.bind("t", "ev")
    await refuse(former)
    await refuse(consumer)
    assert state(engine, "t") == "active"
    assert consumer.transport.of_type("triggerregistrationresult") == []
    await provider.send("triggerregistrationresult", id="?", trigger_type="ev", error="no")


async def test_a_late_refusal_of_a_trigger_of_the_site_is_its_error(
    engine: Engine, provide: Provide
) -> None:
    provider = await provide()
    await engine.triggers.register(of_the_site(id="t"))
    await refuse(provider, "text only")
    entry = engine.triggers.get("t")
    assert entry is not None
    assert entry.state == "parked"
    assert "text only" in entry.error


async def test_without_a_provider_at_home_the_one_of_the_default_namespace_serves(
    engine: Engine, provide: Provide
) -> None:
    default = await provide()
    await engine.triggers.register(of_the_site(namespace="tenant"))
    assert delivered(default) == ["+s"]


async def test_the_triggers_go_to_the_default_provider_when_the_one_at_home_goes(
    engine: Engine, provide: Provide
) -> None:
    default, home = await provide(), await provide(namespace="tenant")
    await engine.triggers.register(of_the_site(namespace="tenant"))
    assert (delivered(default), delivered(home)) == ([], ["+s"])
    await home.leave()
    assert delivered(default) == ["+s"]
    assert state(engine, "s") == "active"


async def test_a_provider_at_home_takes_the_triggers_that_fell_back_to_the_default(
    engine: Engine, provide: Provide
) -> None:
    default = await provide()
    await engine.triggers.register(of_the_site(namespace="tenant"))
    await engine.triggers.register(of_the_site(id="d", pk=2))
    home = await provide(namespace="tenant")
    assert delivered(home) == ["+s"]
    assert delivered(default) == ["+s", "+d", "-s"]
    assert [trigger.id for trigger in engine.triggers.active("ev")] == ["d"]


async def test_a_namespace_that_was_named_is_the_only_one_looked_in(
    engine: Engine, connect: Connect, provide: Provide
) -> None:
    consumer, default = await connect(), await provide()
    await consumer.bind("t", "ev", trigger_namespace="tenant")
    assert state(engine, "t") == "parked"
    home = await provide(namespace="tenant")
    assert (delivered(default), delivered(home)) == ([], ["+t"])


@pytest.mark.parametrize(
    "fields", [{"id": " "}, {"id": "x" * 256}, {"namespace": ""}, {"namespace": "  "}]
)
async def test_a_type_without_a_usable_name_is_not_registered(
    engine: Engine, connect: Connect, fields: Frame
) -> None:
    from iii_triggers.protocol.errors import IiiError

    worker = await connect()
    with pytest.raises(IiiError):
        await worker.send("registertriggertype", **{"id": "ev", **fields})
    assert provided(engine) == []


async def test_a_worker_may_provide_only_so_many_types(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    with override_settings(III_MAX_TRIGGER_TYPES_PER_WORKER=2):
        await worker.send("registertriggertype", id="a")
        await worker.send("registertriggertype", id="a", namespace="tenant")
        await worker.send("registertriggertype", id="a", description="again")
        with pytest.raises(LimitExceeded):
            await worker.send("registertriggertype", id="b")
        await worker.send("unregistertriggertype", id="a")
        await worker.send("registertriggertype", id="b")
    assert worker.connection.trigger_type_keys == {("tenant", "a"), ("default", "b")}
    assert provided(engine) == ["a", "b"]
    await worker.leave()
    assert provided(engine) == []


async def test_a_worker_leaves_the_types_alone_that_another_took_over(
    engine: Engine, provide: Provide
) -> None:
    first, second = await provide(), await provide()
    assert first.connection.trigger_type_keys == set()
    await first.leave()
    assert provided(engine) == ["ev"]
    assert second.connection.trigger_type_keys == {("default", "ev")}
