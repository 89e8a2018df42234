"""Publishing from the site's code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from iii_triggers import context
from iii_triggers.context import Invocation
from iii_triggers.delivery.api import aenqueue, enqueue, enqueue_call
from iii_triggers.delivery.calls import EnqueueError
from iii_triggers.delivery.topics import TopicNotSet
from iii_triggers.models import Delivery
from iii_triggers.protocol.errors import SerializationFailed
from tests.support.threads import in_thread

from .conftest import Messages


@contextmanager
def running(traceparent: str | None) -> Iterator[None]:
    """As within a function that runs."""
    token = context._current.set(Invocation(id="i", function_id="f", traceparent=traceparent))
    yield
    context._current.reset(token)


def test_publishes_in_the_transaction_of_the_caller(messages: Messages) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue("orders", {"n": 1})
        raise RuntimeError
    assert not Delivery.objects.exists()
    (delivery_id,) = enqueue("orders", {"n": 2})
    row = Delivery.objects.get()
    assert (str(row.pk), row.topic, row.payload) == (delivery_id, "orders", '{"n":2}')


def test_takes_keys_and_a_delay(messages: Messages) -> None:
    enqueue("orders", 1, idempotency_key="i", ordering_key="o", delay_s=60)
    row = Delivery.objects.get()
    assert (row.idempotency_key, row.ordering_key) == ("i", "o")
    left = row.run_at - timezone.now()
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)


@pytest.mark.parametrize("delay_s", [0, -5])
def test_no_delay_is_at_once(messages: Messages, delay_s: float) -> None:
    enqueue("orders", delay_s=delay_s)
    assert Delivery.objects.get().run_at <= timezone.now()


def test_the_data_may_be_left_out(messages: Messages) -> None:
    enqueue("orders")
    assert Delivery.objects.get().payload == "null"


@pytest.mark.parametrize(("given", "kept"), [("00-1-2-01", "00-1-2-01"), (None, "")])
def test_goes_on_with_the_trace_of_the_function_it_is_called_in(
    messages: Messages, given: str | None, kept: str
) -> None:
    with running(given):
        enqueue("orders")
        enqueue_call("f")
    assert set(Delivery.objects.values_list("traceparent", flat=True)) == {kept}


def test_queues_a_call(messages: Messages) -> None:
    id_ = enqueue_call("f", {"n": 1}, namespace="tenant", metadata={"a": 1}, idempotency_key="k")
    row = Delivery.objects.get()
    assert (str(row.pk), row.function_id, row.namespace) == (id_, "f", "tenant")
    assert (row.metadata, row.idempotency_key, row.queue) == ({"a": 1}, "k", "iii:default")
    assert enqueue_call("f", idempotency_key="k") == id_


def test_queues_a_call_for_later(messages: Messages) -> None:
    enqueue_call("f", delay_s=60)
    assert Delivery.objects.get().run_at > timezone.now() + timedelta(seconds=50)


async def test_publishes_from_async_code(messages: Messages) -> None:
    (delivery_id,) = await aenqueue("orders", {"n": 1}, ordering_key="o")
    row: Any = await in_thread(Delivery.objects.get)
    assert (str(row.pk), row.ordering_key) == (delivery_id, "o")


async def test_what_is_wrong_is_raised(messages: Messages) -> None:
    with pytest.raises(TopicNotSet):
        await aenqueue("")
    with pytest.raises(SerializationFailed):
        await aenqueue("orders", object())


def test_what_is_wrong_is_raised_in_plain_code(messages: Messages) -> None:
    with pytest.raises(TopicNotSet):
        enqueue("")
    with pytest.raises(SerializationFailed):
        enqueue("orders", object())
    with pytest.raises(EnqueueError):
        enqueue_call("f", queue="nowhere")
    assert not Delivery.objects.exists()
