"""New deliveries: rows in the caller's transaction, Celery messages once it is committed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.models import Delivery
from iii_triggers.models.ordered_ids import new_ordered_id
from iii_triggers.protocol.errors import PayloadTooLarge

from .policy import Policy
from .queues import DEFAULT_QUEUE
from .resending import next_send_at
from .sending import sender

MAX_NAME = 255
"""Longest topic, key or id, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """What is to run."""

    function_id: str
    payload: bytes
    """JSON text."""
    lane: str
    """Limits, order, idempotency keys and slots hold within a lane."""
    namespace: str = "default"
    queue: str = DEFAULT_QUEUE
    """The Celery queue."""
    trigger_type: str = ""
    trigger_id: str = ""
    topic: str = ""
    metadata: Any = None
    traceparent: str = ""
    policy: Policy = field(default_factory=Policy)
    ordering_key: str = ""
    """Deliveries of the lane with this key run one by one, in order; "" is no order."""
    idempotency_key: str = ""
    """A second delivery of the lane with this key is not made, unless the first is dead."""
    scheduled_for: datetime | None = None
    """A second delivery of the lane for this slot is not made."""
    run_at: datetime | None = None
    """Not before; None is at once."""
    waits_for: str = Delivery.WaitsFor.NOTHING
    skipped: str = ""
    """Why this one is written down only, and never run."""


def create_deliveries(new: Sequence[NewDelivery]) -> list[uuid.UUID | None]:
    """Write deliveries; they run once the caller's transaction is committed, whatever dies next.

    Return their ids in order: that of the earlier delivery where the idempotency key is taken, None
    where the slot is. Raise PayloadTooLarge before anything is written.
    """
    for one in new:
        check_size(one.payload)
    rows = [_row(one, timezone.now()) for one in new]
    # No savepoint: two round trips for what nobody can catch half of.
    with transaction.atomic(savepoint=False):
        if not any(row.idempotency_key or row.scheduled_for for row in rows):
            Delivery.objects.bulk_create(rows)
            _send_on_commit(rows)
            return [row.pk for row in rows]
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
        written = _written(rows)
        _send_on_commit([row for row in rows if row.pk in written])
        return [row.pk if row.pk in written else _earlier(row) for row in rows]


def check_size(payload: bytes) -> None:
    """Raise PayloadTooLarge for a message over ``III_MAX_PAYLOAD_BYTES``."""
    limit = settings.III_MAX_PAYLOAD_BYTES
    if len(payload) > limit:
        raise PayloadTooLarge(f"A message may have {limit} bytes at most.")


def _row(new: NewDelivery, now: datetime) -> Delivery:
    run_at = max(new.run_at or now, now)
    row = Delivery(
        id=new_ordered_id(),
        waits_for=new.waits_for,
        trigger_type=new.trigger_type,
        trigger_id=new.trigger_id,
        topic=new.topic,
        function_id=new.function_id,
        namespace=new.namespace,
        payload=new.payload.decode(),
        metadata=new.metadata,
        traceparent=_fitting(new.traceparent),
        queue=new.queue,
        lane=new.lane,
        ordering_key=new.ordering_key,
        policy=new.policy.as_json(),
        max_attempts=new.policy.attempts,
        idempotency_key=new.idempotency_key,
        scheduled_for=new.scheduled_for,
        run_at=run_at,
        created_at=now,
    )
    _place(row, new, now)
    return row


def _fitting(traceparent: str) -> str:
    """Return a trace context; nothing for what is none and no database takes."""
    return "" if len(traceparent) > MAX_NAME or "\0" in traceparent else traceparent


def _place(row: Delivery, new: NewDelivery, now: datetime) -> None:
    """Decide who looks at the row next."""
    if new.skipped:
        row.state, row.error, row.finished_at = Delivery.State.SKIPPED, new.skipped, now
    elif new.waits_for == Delivery.WaitsFor.SUBSCRIBER:
        row.away_since = now
    elif row.run_at > now:
        row.send_at = row.run_at
    else:
        row.send_at = next_send_at()


def _send_on_commit(rows: Sequence[Delivery]) -> None:
    due = [
        (row.queue, str(row.pk))
        for row in rows
        if row.state == Delivery.State.QUEUED and not row.waits_for and row.run_at <= row.created_at
    ]
    if due:
        transaction.on_commit(partial(send_all, due), robust=True)


def send_all(due: Sequence[tuple[str, str]]) -> None:
    """Have Celery look at deliveries, given as Celery queue and id. Never fails, never waits."""
    for queue, delivery_id in due:
        sender.send(queue, delivery_id)


def _written(rows: Sequence[Delivery]) -> set[uuid.UUID]:
    ids = [row.pk for row in rows]
    return set(Delivery.objects.filter(pk__in=ids).values_list("pk", flat=True))


def _earlier(row: Delivery) -> uuid.UUID | None:
    if not row.idempotency_key:
        return None
    # The newest: it was in the way a moment ago, even if it is dead by now.
    same = Delivery.objects.filter(lane=row.lane, idempotency_key=row.idempotency_key)
    return same.order_by("-pk").values_list("pk", flat=True).first()
