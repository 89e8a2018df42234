"""Replays: one run at a time, and many through the ledger."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery.execution import run_delivery
from iii_triggers.engine.core import Engine
from iii_triggers.models import Delivery, Invocation, InvocationPayload, Trigger
from iii_triggers.operations.replay import (
    BATCH,
    NotReplayable,
    replay,
    replay_edited,
    replay_many,
)
from iii_triggers.operations.runs import RunResult
from iii_triggers.protocol.errors import PayloadTooLarge
from tests.support.ledger import Messages, close_batchers, messages
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

__all__ = ["close_batchers", "messages"]

Connect = Callable[..., Awaitable[FakeWorker]]
REF = {"channel_id": "c", "access_key": "[redacted]", "direction": "read"}


@pytest.fixture(autouse=True)
def recording() -> Iterator[None]:
    with override_settings(III_HISTORY="all"):
        yield


def ran(input: Any = "", *, kept: dict[str, Any] | None = None, **facts: Any) -> Invocation:
    """Write down a run of ``f``; ``input`` is JSON text, None for an input that was not kept."""
    values = {"function_id": "f", "status": "failed", "started_at": timezone.now(), **facts}
    run = Invocation.objects.create(**values)
    if input is not None:
        InvocationPayload.objects.create(run_id=run.pk, input=input, **(kept or {}))
    return run


def delivered(payload: str, **facts: Any) -> uuid.UUID:
    values = {"function_id": "f", "payload": payload, "queue": "q", "lane": "l", **facts}
    return Delivery.objects.create(**values).pk


async def replayed(
    worker: FakeWorker, work: Callable[[], RunResult], **answer: Any
) -> tuple[dict[str, Any], RunResult]:
    task = asyncio.create_task(in_thread(work))
    [*_, asked] = await worker.transport.receive("invokefunction", len(worker.invocations) + 1)
    await worker.answer(asked, **answer)
    return asked, await task


async def run_with(engine: Engine, run_id: str) -> Invocation:
    return await engine.database.run(lambda: Invocation.objects.get(pk=run_id))


class TestOne:
    """Somebody waits for it."""

    async def test_the_input_is_the_same_and_the_run_names_the_original(
        self, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f", namespace="team")
        original = await in_thread(partial(ran, '{"n": 1}', namespace="team", trigger_id="gone"))
        asked, result = await replayed(worker, partial(replay, original, wait_s=10), result="ok")
        assert (asked["data"], asked.get("metadata")) == ({"n": 1}, None)
        assert (result.status, result.result) == ("succeeded", "ok")
        run = await run_with(engine, result.run_id)
        assert (run.replay_of, run.trigger_id, run.delivery_id) == (original.pk, "gone", None)
        _, again = await replayed(worker, partial(replay, run, wait_s=10), result="ok")
        # Each names the one it repeats, so the way back is a chain.
        assert (await run_with(engine, again.run_id)).replay_of == run.pk

    async def test_the_metadata_is_what_the_trigger_has_now(
        self, engine: Engine, connect: Connect
    ) -> None:
        worker = await connect("f")
        facts = {"trigger_type": "state", "trigger_id": "t"}
        original = await in_thread(partial(ran, "1", **facts))
        await in_thread(partial(Trigger.objects.create, function_id="g", metadata=[1], **facts))
        asked, _ = await replayed(worker, partial(replay, original, wait_s=10), result=1)
        assert (asked["function_id"], asked["metadata"]) == ("f", [1])

    async def test_a_run_without_input_is_made_without(
        self, engine: Engine, connect: Connect
    ) -> None:
        original = await in_thread(partial(ran, ""))
        asked, result = await replayed(
            await connect("f"), partial(replay, original, wait_s=10), error={"message": "no"}
        )
        assert (asked["data"], result.error) == (None, "no")

    async def test_a_request_is_made_again_without_its_channels(
        self, engine: Engine, connect: Connect
    ) -> None:
        text = json.dumps({"path": "/a", "body": {"response": 1}, "response": REF})
        original = await in_thread(partial(ran, text, kept={"redacted": True}))
        asked, _ = await replayed(
            await connect("f"), partial(replay, original, wait_s=10), result=1
        )
        assert asked["data"] == {"path": "/a", "body": {"response": 1}}

    async def test_a_delivery_has_its_payload_whole(self, engine: Engine, connect: Connect) -> None:
        delivery_id = await in_thread(partial(delivered, '{"n":[1,2,3]}', metadata={"m": 1}))
        original = await in_thread(
            partial(ran, '{"n":[1', kept={"input_cut": True}, delivery_id=delivery_id)
        )
        asked, _ = await replayed(
            await connect("f"), partial(replay, original, wait_s=10), result=1
        )
        assert (asked["data"], asked["metadata"]) == ({"n": [1, 2, 3]}, {"m": 1})

    async def test_an_edited_input_takes_the_place_of_any(
        self, engine: Engine, connect: Connect
    ) -> None:
        original = await in_thread(partial(ran, '{"n', kept={"input_cut": True}))
        work = partial(replay_edited, original, {"n": 2}, wait_s=10)
        asked, result = await replayed(await connect("f"), work, result=1)
        assert asked["data"] == {"n": 2}
        assert (await run_with(engine, result.run_id)).replay_of == original.pk
        with override_settings(III_MAX_PAYLOAD_BYTES=3), pytest.raises(PayloadTooLarge):
            await in_thread(partial(replay_edited, original, "four", wait_s=1))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("input", "kept", "reason"),
    [
        ('{"n"', {"input_cut": True}, "cut"),
        ('{"password": "[redacted]"}', {"redacted": True}, "redacted"),
        (json.dumps({"ref": REF}), {"redacted": True}, "redacted"),
        (None, {}, "not_kept"),
        ("1e999", {}, "not_kept"),
    ],
)
def test_what_is_not_known_whole_is_not_repeated(
    input: Any, kept: dict[str, Any], reason: str
) -> None:
    with pytest.raises(NotReplayable) as caught:
        replay(ran(input, kept=kept, delivery_id=uuid.uuid4()), wait_s=1)
    assert (caught.value.code, caught.value.reason) == ("not_replayable", reason)


class TestMany:
    """A selection goes through the ledger."""

    def test_each_is_queued_oldest_first(self, messages: Messages) -> None:
        runs = [ran(str(n)) for n in range(3)]
        counts = replay_many(Invocation.objects.order_by("-started_at"))
        assert (counts.queued, counts.refused, counts.has_more) == (3, {}, False)
        rows = Delivery.objects.order_by("pk")
        assert [row.payload for row in rows] == ["0", "1", "2"]
        assert [row.policy["replays"]["run_id"] for row in rows] == [str(run.pk) for run in runs]
        assert messages.ids == [str(row.pk) for row in rows]

    def test_those_that_cannot_be_are_counted_by_why(self, messages: Messages) -> None:
        ran("1")
        ran("{", kept={"input_cut": True})
        ran(None)
        ran(None)
        ran("1", namespace=" ")
        counts = replay_many(Invocation.objects.all())
        assert counts.queued == Delivery.objects.count() == 1
        assert counts.refused == {"cut": 1, "not_kept": 2, "INVALID_NAMESPACE": 1}

    def test_a_limit_is_told(self, messages: Messages) -> None:
        for n in range(3):
            ran(str(n))
        counts = replay_many(Invocation.objects.all(), limit=2)
        assert (counts.queued, counts.has_more) == (2, True)
        counts = replay_many(Invocation.objects.all(), limit=3)
        assert (counts.queued, counts.has_more) == (3, False)
        counts = replay_many(Invocation.objects.none())
        assert (counts.queued, counts.has_more) == (0, False)

    def test_many_take_few_queries(
        self, messages: Messages, django_assert_max_num_queries: Any
    ) -> None:
        now = timezone.now()
        facts = {"function_id": "f", "status": "failed", "started_at": now, "trigger_id": "t"}
        runs = Invocation.objects.bulk_create([Invocation(**facts) for _ in range(BATCH + 1)])
        InvocationPayload.objects.bulk_create([InvocationPayload(run_id=run.pk) for run in runs])
        with django_assert_max_num_queries(30):
            counts = replay_many(Invocation.objects.filter(trigger_id="t"))
        assert counts.queued == BATCH + 1

    async def test_the_runs_of_the_deliveries_name_their_originals(
        self, engine: Engine, connect: Connect, messages: Messages
    ) -> None:
        facts = {"trigger_type": "http", "trigger_id": "t"}
        original = await in_thread(partial(ran, '{"n":1}', **facts))
        await in_thread(lambda: replay_many(Invocation.objects.all()))
        worker = await connect("f")
        task = asyncio.create_task(in_thread(run_delivery, messages.ids[0]))
        [asked] = await worker.transport.receive("invokefunction")
        await worker.answer(asked, result=1)
        assert await task
        await engine.history.flush()
        run = await engine.database.run(lambda: Invocation.objects.latest("pk"))
        assert (run.replay_of, str(run.delivery_id)) == (original.pk, messages.ids[0])
        assert (run.trigger_type, run.trigger_id) == ("http", "t")
        assert asked["metadata"]["delivery_id"] == messages.ids[0]
