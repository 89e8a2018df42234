"""New deliveries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery.create import NewDelivery, create_deliveries
from iii_triggers.models import Delivery
from iii_triggers.protocol.errors import PayloadTooLarge

from .conftest import Messages

Make = Callable[..., Delivery]


def one(**facts: object) -> NewDelivery:
    values = {"function_id": "f", "payload": b"{}", "lane": "lane", **facts}
    return NewDelivery(**values)  # type: ignore[arg-type]


def test_is_sent_once_the_transaction_is_committed(messages: Messages) -> None:
    with transaction.atomic():
        (delivery_id,) = create_deliveries([one(queue="iii.orders")])
        assert messages.sent == []
    assert messages.sent == [("iii.orders", str(delivery_id))]


def test_never_happened_when_the_transaction_is_rolled_back(messages: Messages) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        create_deliveries([one()])
        raise RuntimeError
    assert messages.sent == []
    assert not Delivery.objects.exists()


def test_ids_sort_in_the_order_of_acceptance(messages: Messages) -> None:
    ids = create_deliveries([one() for _ in range(100)])
    assert ids == sorted(ids, key=str)
    assert list(Delivery.objects.order_by("pk").values_list("pk", flat=True)) == ids


def test_a_later_one_is_left_to_the_sweeper(make: Make, messages: Messages) -> None:
    row = make(run_at=timezone.now() + timedelta(hours=1))
    assert messages.sent == []
    assert row.send_at == row.run_at


def test_a_key_is_taken_once_in_a_lane(make: Make, messages: Messages) -> None:
    first = make(idempotency_key="k")
    assert make(idempotency_key="k").pk == first.pk
    assert make(idempotency_key="k", lane="other").pk != first.pk
    assert len(messages.sent) == 2


@pytest.mark.parametrize("state", ["dead", "cancelled"])
def test_a_key_is_free_again_when_its_run_failed(make: Make, state: str) -> None:
    first = make(idempotency_key="k")
    Delivery.objects.filter(pk=first.pk).update(state=state)
    assert make(idempotency_key="k").pk != first.pk


def test_a_slot_is_filled_once_in_a_lane(messages: Messages) -> None:
    slot = timezone.now()
    new = [one(scheduled_for=slot), one(scheduled_for=slot), one(scheduled_for=slot, lane="other")]
    ids = create_deliveries(new)
    assert [delivery_id is not None for delivery_id in ids] == [True, False, True]
    assert Delivery.objects.count() == len(messages.sent) == 2


def test_a_skipped_one_is_written_down_only(make: Make, messages: Messages) -> None:
    row = make(skipped="too late")
    assert (row.state, row.error, row.send_at) == ("skipped", "too late", None)
    assert row.finished_at is not None
    assert messages.sent == []


@override_settings(III_MAX_PAYLOAD_BYTES=10)
def test_nothing_is_stored_of_a_batch_with_a_payload_that_is_too_large(messages: Messages) -> None:
    with pytest.raises(PayloadTooLarge):
        create_deliveries([one(), one(payload=b'"12345678901"')])
    assert not Delivery.objects.exists()
