"""Queued calls: one function, later, through a named queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery.calls import EnqueueError, QueuedCall, queue_call, queue_calls
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Delivery, Topic
from iii_triggers.protocol.errors import (
    InvalidArguments,
    InvalidNamespace,
    LimitExceeded,
    PayloadTooLarge,
    SerializationFailed,
)

from .conftest import Messages

QUEUES = {
    "emails": {"max_retries": 5, "concurrency": 2, "backoff_ms": 50},
    "payments": {"type": "fifo", "message_group_field": "account"},
}


def call(data: Any = None, **facts: Any) -> QueuedCall:
    return QueuedCall(**{"function_id": "f", "data": Payload.of(data), **facts})


def nested(depth: int) -> Any:
    return [] if depth == 0 else [nested(depth - 1)]


@pytest.fixture(autouse=True)
def configured(messages: Messages) -> Any:
    with override_settings(III_QUEUES=QUEUES):
        yield


def test_is_a_delivery_of_its_queue(messages: Messages) -> None:
    id_ = queue_call(call({"a": 1}, queue="emails", namespace="tenant", metadata={"b": 2}))
    row = Delivery.objects.get()
    assert (row.pk, row.payload, row.function_id) == (id_, '{"a":1}', "f")
    assert (row.namespace, row.metadata, row.topic) == ("tenant", {"b": 2}, "emails")
    assert (row.trigger_type, row.lane, row.queue) == ("", "named:emails", "iii:emails")
    assert (row.max_attempts, row.ordering_key) == (5, "")
    assert row.policy == {"max_attempts": 5, "backoff_ms": 50, "concurrency": 2}
    assert messages.sent == [("iii:emails", str(id_))]
    assert Topic.objects.get().kind == "queue"


def test_the_default_queue_always_exists(messages: Messages) -> None:
    queue_call(call())
    assert Delivery.objects.get().queue == "iii:default"


def test_one_retry_is_one_attempt_at_least(messages: Messages) -> None:
    with override_settings(III_QUEUES={"once": {"max_retries": 0}}):
        queue_call(call(queue="once"))
    assert Delivery.objects.get().max_attempts == 1


@pytest.mark.parametrize(("value", "key"), [("a", "a"), (7, "7"), ([1], "[1]"), ("", "default")])
def test_a_fifo_queue_orders_by_its_field(messages: Messages, value: Any, key: str) -> None:
    queue_call(call({"account": value}, queue="payments"))
    assert Delivery.objects.get().ordering_key == key


def test_a_fifo_queue_without_a_field_has_one_order(messages: Messages) -> None:
    with override_settings(III_QUEUES={"line": {"type": "fifo"}}):
        queue_call(call(1, queue="line"))
    assert Delivery.objects.get().ordering_key == "default"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (call(queue="x"), "Queue 'x' not found"),
        (call(queue=""), "Queue '' not found"),
        (
            call({}, queue="payments"),
            "FIFO queue 'payments' requires field 'account' in data, but it was not found",
        ),
        (
            call([], queue="payments"),
            "FIFO queue 'payments' requires field 'account' in data, but it was not found",
        ),
        (
            call({"account": None}, queue="payments"),
            "FIFO queue 'payments': field 'account' must not be null",
        ),
    ],
)
def test_the_texts_that_sdks_know(messages: Messages, bad: QueuedCall, message: str) -> None:
    with pytest.raises(EnqueueError) as caught:
        queue_call(bad)
    assert (caught.value.code, caught.value.message) == ("enqueue_error", message)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (call(function_id=""), InvalidArguments),
        (call(function_id="x" * 256), InvalidArguments),
        (call(function_id="a\0b"), InvalidArguments),
        (call(namespace=" "), InvalidNamespace),
        (call(namespace="x" * 256), InvalidArguments),
        (call(idempotency_key="x" * 256), InvalidArguments),
        (call(object()), SerializationFailed),
        (call(metadata=object()), SerializationFailed),
        (call(metadata={"a": "b\0c"}), InvalidArguments),
        (call(metadata=nested(100)), LimitExceeded),
        (call("x" * 2_000_000), PayloadTooLarge),
    ],
)
def test_nothing_is_stored_of_what_is_wrong(
    messages: Messages, bad: QueuedCall, error: type[Exception]
) -> None:
    with pytest.raises(error):
        queue_calls([call(), bad])
    assert not Delivery.objects.exists()
    assert messages.sent == []


def test_metadata_may_be_what_json_can_tell(messages: Messages) -> None:
    """Also what Django's field alone cannot write."""
    queue_call(call(metadata={"at": timezone.now(), "keys": {1: 2}}))
    metadata: Any = Delivery.objects.get().metadata
    assert isinstance(metadata["at"], str)
    assert metadata["keys"] == {"1": 2}


def test_a_key_is_taken_once_in_a_queue(messages: Messages) -> None:
    first = queue_call(call(1, idempotency_key="k"))
    assert queue_call(call(2, idempotency_key="k")) == first
    assert queue_call(call(3, idempotency_key="k", queue="emails")) != first
    assert Delivery.objects.count() == 2


def test_may_wait(messages: Messages) -> None:
    later = timezone.now() + timedelta(minutes=1)
    queue_call(call(run_at=later))
    assert Delivery.objects.get().run_at == later
    assert messages.sent == []


def test_rolled_back_never_happened(messages: Messages) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        queue_call(call())
        raise RuntimeError
    assert not Delivery.objects.exists()
    assert messages.sent == []


def test_a_queue_with_a_long_name_fits(messages: Messages) -> None:
    name = "é" * 255
    with override_settings(III_QUEUES={name: {}}):
        queue_call(call(queue=name))
    assert Delivery.objects.get().topic == name
