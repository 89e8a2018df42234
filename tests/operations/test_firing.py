"""Firing a trigger by hand, and what to try it with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from iii_triggers.engine.core import Engine
from iii_triggers.models import Invocation, InvocationPayload, Trigger, TriggerType
from iii_triggers.operations.firing import fire, sample_payload, timeout_s
from iii_triggers.operations.runs import RunResult
from iii_triggers.protocol.errors import PayloadTooLarge, SerializationFailed
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


@pytest.fixture(autouse=True)
def recording() -> Iterator[None]:
    with override_settings(III_HISTORY="all"):
        yield


def made(**facts: Any) -> Trigger:
    values = {"trigger_id": "t", "trigger_type": "state", "function_id": "f", "config": {}}
    return Trigger(**{**values, **facts})


def stored(**facts: Any) -> Trigger:
    row = made(**facts)
    row.save()
    return row


def ran(number: int, input: Any, **kept: Any) -> None:
    """Write down a run of the trigger ``t``."""
    facts = {"function_id": "f", "trigger_type": "state", "trigger_id": "t"}
    run = Invocation.objects.create(status="succeeded", started_at=timezone.now(), **facts)
    text = input if isinstance(input, str) else json.dumps(input)
    InvocationPayload.objects.create(run_id=run.pk, input=text, **kept)


async def fired(
    worker: FakeWorker, trigger: Trigger, payload: Any, **answer: Any
) -> tuple[dict[str, Any], RunResult]:
    """Fire a trigger and have the worker answer; return what it was asked, and the result."""
    task = asyncio.create_task(in_thread(partial(fire, trigger, payload, wait_s=10)))
    [invocation] = await worker.transport.receive("invokefunction")
    await worker.answer(invocation, **answer)
    return invocation, await task


class TestFire:
    """The function runs as if the event had happened."""

    async def test_the_run_is_one_of_the_trigger(self, engine: Engine, connect: Connect) -> None:
        worker = await connect("f")
        trigger = made(metadata={"team": "web"})
        asked, result = await fired(worker, trigger, {"n": 1}, result=[2])
        assert (asked["data"], asked["metadata"]) == ({"n": 1}, {"team": "web"})
        assert (result.status, result.result) == ("succeeded", [2])
        run = await engine.database.run(Invocation.objects.get)
        assert str(run.pk) == result.run_id
        assert (run.trigger_type, run.trigger_id, run.replay_of) == ("state", "t", None)

    @pytest.mark.parametrize(
        "facts",
        [{"enabled": False}, {"state": "parked"}, {"source": "worker"}, {"state": "rejected"}],
    )
    async def test_it_fires_whatever_its_state(
        self, engine: Engine, connect: Connect, facts: dict[str, Any]
    ) -> None:
        _, result = await fired(await connect("f"), made(**facts), None, result=1)
        assert result.result == 1

    async def test_it_fires_in_its_namespace(self, engine: Engine, connect: Connect) -> None:
        worker = await connect("f", namespace="team")
        _, result = await fired(worker, made(namespace="team"), 1, error={"message": "no"})
        assert (result.status, result.error) == ("failed", "no")

    async def test_a_function_that_nobody_offers_is_a_failed_run(self, engine: Engine) -> None:
        result = await in_thread(partial(fire, made(), 1, wait_s=10))
        assert (result.status, result.error_code) == ("failed", "function_not_found")
        run = await engine.database.run(Invocation.objects.get)
        assert (run.trigger_id, run.status) == ("t", "failed")

    async def test_a_payload_that_cannot_be_sent_is_refused(self, engine: Engine) -> None:
        with pytest.raises(SerializationFailed):
            await in_thread(partial(fire, made(), object(), wait_s=1))
        with override_settings(III_MAX_PAYLOAD_BYTES=5), pytest.raises(PayloadTooLarge):
            await in_thread(partial(fire, made(), "12345", wait_s=1))
        assert not await engine.database.run(Invocation.objects.exists)


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        ({"trigger_type": "http", "config": {"api_path": "a", "timeout_ms": 500}}, 0.5),
        ({"trigger_type": "http", "config": {}}, None),
        ({"trigger_type": "slack"}, None),
        ({"trigger_type": "http", "config": {}, "provider_namespace": "team"}, None),
    ],
)
def test_a_run_has_the_time_its_type_gives(facts: dict[str, Any], seconds: float | None) -> None:
    assert timeout_s(made(**facts)) == seconds


@pytest.mark.django_db
class TestSample:
    """What the text area of a test fire begins with."""

    def test_the_last_input_that_is_whole(self) -> None:
        trigger = stored()
        ran(1, {"n": 1})
        ran(2, {"n": 2, "secret": "[redacted]"}, redacted=True)
        ran(3, '{"n": 3', input_cut=True)
        ran(4, "")
        assert sample_payload(trigger, from_history=True) == '{\n  "n": 1\n}'

    def test_not_without_the_permission(self) -> None:
        trigger = stored()
        ran(1, {"n": 1})
        assert "n" not in json.loads(sample_payload(trigger, from_history=False))

    def test_not_that_of_another_trigger(self) -> None:
        ran(1, {"n": 1})
        for facts in ({"namespace": "team"}, {"trigger_type": "http"}, {"trigger_id": "u"}):
            sample = json.loads(sample_payload(stored(**facts), from_history=True))
            assert "n" not in sample

    def test_a_request_comes_without_its_channels(self) -> None:
        ref = {"channel_id": "1", "access_key": "[redacted]", "direction": "read"}
        ran(1, {"path": "/a", "request_body": ref, "response": ref}, redacted=True)
        sample = sample_payload(stored(), from_history=True)
        assert json.loads(sample) == {"path": "/a"}

    def test_the_type_tells_where_the_history_does_not(self) -> None:
        sample = json.loads(sample_payload(stored(config={"key": "k"}), from_history=True))
        assert (sample["type"], sample["key"]) == ("state", "k")
        assert sample_payload(stored(trigger_id="u", trigger_type="http"), from_history=False) == (
            "{}"
        )

    def test_types_of_workers_tell_by_their_schema(self) -> None:
        trigger = stored(trigger_type="slack", namespace="team")
        assert sample_payload(trigger, from_history=False) == "{}"
        schema = {"properties": {"text": {"default": "hi"}}}
        TriggerType.objects.create(type_id="slack", namespace="default", call_schema=schema)
        assert json.loads(sample_payload(trigger, from_history=False)) == {"text": "hi"}
        TriggerType.objects.create(type_id="slack", namespace="team", call_schema={"default": "é"})
        assert sample_payload(trigger, from_history=False) == '"é"'
