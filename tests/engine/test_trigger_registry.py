"""Triggers: registered, parked, replaced, rejected, removed (protocol reference, section 5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers.engine import registrar
from iii_triggers.engine.core import Engine
from iii_triggers.engine.trigger_values import Trigger
from iii_triggers.protocol.errors import TriggerRejected
from tests.support.registrators import RecordingType, add_type, of_the_site, state
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


@pytest.fixture
def recording() -> RecordingType:
    return RecordingType()


async def test_a_trigger_before_its_type_is_parked_and_delivered_once_the_type_comes(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    worker = await connect()
    frames = len(worker.transport.frames)
    await worker.bind("t", "recording")
    assert state(engine, "t") == "parked"
    assert len(worker.transport.frames) == frames
    await add_type(engine, recording)
    assert state(engine, "t") == "active"
    assert recording.log == [("+", "t")]
    assert [trigger.id for trigger in engine.triggers.active("recording")] == ["t"]


async def test_a_parked_trigger_that_is_removed_is_never_delivered(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    worker = await connect()
    await worker.bind("t", "recording")
    await worker.send("unregistertrigger", id="t")
    await worker.bind("u", "recording")
    await worker.leave()
    await add_type(engine, recording)
    assert recording.log == []
    assert list(engine.triggers.entries()) == []


async def test_a_trigger_before_its_function_fires_once_the_function_is_there(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    await add_type(engine, recording)
    worker = await connect()
    await worker.bind("t", "recording", function_id="later", metadata={"m": 1})
    assert engine.fire_triggers("recording", {"n": 1}) == 1
    await worker.offer("later")
    assert engine.fire_triggers("recorder", {"n": 2}) == 1
    [invocation] = worker.invocations
    assert invocation["data"] == {"n": 2}
    assert invocation["metadata"] == {"m": 1}


async def test_the_same_id_again_replaces_the_trigger(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    entry = await add_type(engine, recording)
    worker = await connect()
    await worker.bind("t", "recording", config={"v": 1})
    await worker.bind("t", "recording", config={"v": 2}, function_id="g")
    assert recording.log == [("+", "t"), ("+", "t")]
    assert [trigger.config for trigger in engine.triggers.active("recording")] == [{"v": 2}]
    assert list(entry.triggers) == [(None, "t")]


async def test_a_trigger_that_changes_its_type_leaves_the_old_one(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    await add_type(engine, recording)
    worker = await connect()
    await worker.bind("t", "recording")
    await worker.bind("t", "unknown")
    assert recording.log == [("+", "t"), ("-", "t")]
    assert state(engine, "t") == "parked"
    assert engine.triggers.active("recording") == []


async def test_a_worker_hears_of_a_rejection_and_what_it_had_stays(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    await add_type(engine, recording)
    worker = await connect()
    await worker.bind("t", "recording", config={"v": 1})
    recording.refuse("bad config")
    await worker.bind("t", "recording", config={"v": 2})
    await worker.bind("u", "recording")
    refusals = worker.transport.of_type("triggerregistrationresult")
    assert refusals[0] == {
        "type": "triggerregistrationresult",
        "id": "t",
        "trigger_type": "recording",
        "function_id": "f",
        "error": {"code": "trigger_registration_failed", "message": "bad config"},
    }
    assert [trigger.config for trigger in engine.triggers.active("recording")] == [{"v": 1}]
    assert state(engine, "u") is None
    assert worker.connection.trigger_ids == {"t"}
    await worker.leave()
    assert recording.log == [("+", "t"), ("-", "t")]


async def test_a_rejected_trigger_of_the_site_is_kept_with_its_error(
    engine: Engine, recording: RecordingType
) -> None:
    await add_type(engine, recording)
    await engine.triggers.register(of_the_site("t"))
    recording.refuse("bad config")
    entry = await engine.triggers.register(of_the_site("t", function_id="g"))
    assert (entry.state, entry.error) == ("rejected", "bad config")
    assert recording.log == [("+", "t"), ("-", "t")]
    assert engine.triggers.active("recording") == []


async def test_a_type_that_fails_rejects_and_tells_nothing_of_its_insides(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    await add_type(engine, recording)
    recording.failure = RuntimeError("secret path")
    worker = await connect()
    await worker.bind("t", "recording")
    [refusal] = worker.transport.of_type("triggerregistrationresult")
    assert refusal["error"] == {
        "code": "trigger_registration_failed",
        "message": "The trigger type failed to register the trigger.",
    }


async def test_a_type_that_hangs_rejects_and_lets_the_others_go_on(
    engine: Engine,
    connect: Connect,
    recording: RecordingType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registrar, "REGISTRATOR_TIMEOUT_S", 0.01)
    await add_type(engine, recording)
    recording.hangs = True
    with pytest.raises(TriggerRejected, match="in time"):
        await engine.triggers.register(
            Trigger(id="t", trigger_type="recording", function_id="f", source="worker")
        )
    worker = await connect()
    await worker.bind("h", "http", config={"api_path": "x"})
    assert state(engine, "h") == "active"


async def test_a_type_that_fails_to_unregister_loses_the_trigger_all_the_same(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    await add_type(engine, recording)
    worker = await connect()
    await worker.bind("t", "recording")
    recording.failure = RuntimeError("broken")
    await worker.send("unregistertrigger", id="t")
    assert state(engine, "t") is None


async def test_a_type_that_fails_a_redelivery_parks_the_trigger(
    engine: Engine, connect: Connect, recording: RecordingType
) -> None:
    worker = await connect()
    await worker.bind("t", "recording")
    recording.refuse("not now")
    await add_type(engine, recording)
    entry = engine.triggers.get("t")
    assert entry is not None
    assert (entry.state, entry.error) == ("parked", "not now")


async def test_functions_that_are_fired_together_do_not_share_their_input(
    engine: Engine, recording: RecordingType
) -> None:
    from iii_triggers.engine.declarations import SiteFunctions
    from tests.support.site import declare

    seen: list[Any] = []

    async def consume(data: dict[str, Any]) -> None:
        seen.append(data.pop("n", "taken"))

    await add_type(engine, recording)
    for number, function_id in enumerate(("a", "b")):
        engine.functions.add_local(declare(SiteFunctions(), function_id, consume))
        await engine.triggers.register(of_the_site(function_id, function_id=function_id, pk=number))
    payload = {"n": 1}
    assert engine.fire_triggers("recording", payload) == 2
    await engine.invoker.wait_idle(2)
    assert seen == [1, 1]
    assert payload == {"n": 1}
