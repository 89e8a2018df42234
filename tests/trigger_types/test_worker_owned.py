"""Types of workers forward to the worker and say when they cannot."""

from __future__ import annotations

import asyncio

import pytest
from django.test import override_settings

from iii_triggers.engine.connections import WorkerConnection, WorkerInfo
from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import ChannelSendFailed, PayloadTooLarge
from iii_triggers.trigger_types.worker_owned import WorkerOwnedTriggerType
from tests.support.workers import FakeTransport, FakeWorker

TRIGGER = Trigger(id="t", trigger_type="ev", function_id="f", config={"a": 1})


async def test_a_provider_in_another_namespace_is_told_which() -> None:
    transport = FakeTransport()
    connection = WorkerConnection(transport=transport, namespace="tenant")
    await WorkerOwnedTriggerType(connection).register_trigger(TRIGGER)
    [frame] = transport.frames
    assert frame["trigger_namespace"] == "tenant"
    assert "namespace" not in frame
    assert "metadata" not in frame


async def test_a_provider_that_is_going_away_cannot_register() -> None:
    transport = FakeTransport()
    transport.is_broken = True
    with pytest.raises(ChannelSendFailed):
        await WorkerOwnedTriggerType(WorkerConnection(transport=transport)).register_trigger(
            TRIGGER
        )


async def test_a_provider_that_is_gone_needs_no_telling() -> None:
    transport = FakeTransport()
    connection = WorkerConnection(transport=transport, closed=True)
    await WorkerOwnedTriggerType(connection).unregister_trigger(TRIGGER)
    assert transport.frames == []


async def test_a_config_too_large_for_an_old_sdk_is_refused() -> None:
    info = WorkerInfo(runtime="python", version="0.9.0")
    connection = WorkerConnection(transport=FakeTransport(), info=info)
    large = Trigger(id="t", trigger_type="ev", function_id="f", config="x" * 2**20)
    with pytest.raises(PayloadTooLarge):
        await WorkerOwnedTriggerType(connection).register_trigger(large)


@override_settings(III_TRIGGER_TYPE_GRACE_MS=20)
async def test_a_new_type_hears_its_triggers_once_its_sdk_listens() -> None:
    transport = FakeTransport()
    registrator = WorkerOwnedTriggerType(WorkerConnection(transport=transport))
    await registrator.register_trigger(TRIGGER)
    await registrator.unregister_trigger(TRIGGER)
    assert transport.frames == []
    await transport.receive("unregistertrigger")
    assert [frame["type"] for frame in transport.frames] == ["registertrigger", "unregistertrigger"]
    await registrator.register_trigger(TRIGGER)
    assert len(transport.frames) == 3


@override_settings(III_TRIGGER_TYPE_GRACE_MS=20)
async def test_a_type_that_comes_again_at_once_hears_each_trigger_once(engine: Engine) -> None:
    """Its SDK has the handler of the second when what was held for the first would come."""
    provider, owner = FakeWorker(engine), FakeWorker(engine)
    await owner.bind("t", "ev")
    await provider.send("registertriggertype", id="ev", description="")
    await provider.send("unregistertriggertype", id="ev")
    await provider.send("registertriggertype", id="ev", description="")
    await provider.send("registertriggertype", id="ev", description="again")
    await provider.transport.receive("registertrigger")
    await owner.send("unregistertrigger", id="t")
    await provider.transport.receive("unregistertrigger")
    assert len(provider.transport.of_type("registertrigger")) == 1


@override_settings(III_TRIGGER_TYPE_GRACE_MS=1)
async def test_a_provider_that_went_before_it_listened_disturbs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tried = asyncio.Event()

    class Gone(FakeTransport):
        def send_text(self, text: str) -> None:
            tried.set()
            raise ChannelSendFailed()

    await WorkerOwnedTriggerType(WorkerConnection(transport=Gone())).register_trigger(TRIGGER)
    async with asyncio.timeout(5):
        await tried.wait()
    assert caplog.records == []
