"""Queues, schedules and queued calls of the published SDKs, unmodified, on a running engine."""

from __future__ import annotations

import pytest

from .environments import SDKS
from .test_published_sdks import bind, offer
from .workers import CallFailed, Worker

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

ENQUEUING = [one for one in SDKS if one.enqueues]


@pytest.mark.parametrize("kind", ["queue", "durable:subscriber"])
@pytest.mark.parametrize("publish", ["enqueue", "iii::durable::publish"])
def test_every_subscriber_of_a_topic_gets_what_was_published_and_nothing_else(
    worker: Worker, partner: Worker, kind: str, publish: str
) -> None:
    topic = f"{worker.name}.{kind}.{publish}"
    ids = [offer(one, "note", suffix=f".{topic}.for.{worker.name}") for one in (worker, partner)]
    for one, function_id in zip((worker, partner), ids, strict=True):
        bind(one, function_id, kind=kind, topic=topic)
    assert worker.call(publish, {"topic": topic, "data": {"n": 1}}) is None
    for one, function_id in zip((worker, partner), ids, strict=True):
        assert one.event("noted", function_id=function_id)["input"] == {"n": 1}


def test_a_message_waits_for_its_first_subscriber(worker: Worker) -> None:
    topic = f"{worker.name}.early"
    worker.call("enqueue", {"topic": topic, "data": [1, None, "two"]})
    function_id = offer(worker, "note", suffix=".early")
    bind(worker, function_id, kind="queue", topic=topic)
    assert worker.event("noted", function_id=function_id)["input"] == [1, None, "two"]


def test_a_topic_must_be_named(worker: Worker) -> None:
    with pytest.raises(CallFailed, match="Topic is not set") as failed:
        worker.call("enqueue", {"topic": "", "data": 1})
    assert failed.value.code == "topic_not_set"


@pytest.mark.parametrize("key", ["expression", "schedule"])
def test_a_schedule_fires_until_it_is_unregistered(worker: Worker, key: str) -> None:
    function_id = offer(worker, "note", suffix=f".{key}")
    trigger = bind(worker, function_id, kind="cron", **{key: "* * * * * *"})
    firing = worker.event("noted", function_id=function_id)["input"]
    assert set(firing) == {"trigger", "job_id", "scheduled_time", "actual_time"}
    assert firing["trigger"] == "cron"
    assert firing["scheduled_time"].endswith("+00:00")
    worker.do("undo", key=trigger)


@pytest.mark.parametrize("sdk", ENQUEUING, ids=lambda sdk: sdk.name)
def test_a_queued_call_is_answered_with_a_receipt_and_runs(worker: Worker) -> None:
    function_id = offer(worker, "note", suffix=".queued")
    receipt = worker.do("enqueue", function_id=function_id, data={"n": 1}, queue="default")
    assert set(receipt) == {"messageReceiptId"}
    assert worker.event("noted", function_id=function_id)["input"] == {"n": 1}


@pytest.mark.parametrize("sdk", ENQUEUING, ids=lambda sdk: sdk.name)
def test_a_queue_that_is_not_there_is_refused(worker: Worker) -> None:
    with pytest.raises(CallFailed, match="Queue 'nowhere' not found") as failed:
        worker.do("enqueue", function_id="any", data={}, queue="nowhere")
    assert failed.value.code == "enqueue_error"
