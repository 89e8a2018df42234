"""Topics: a message becomes one delivery for each function that is subscribed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from iii_triggers.engine.payload import Payload
from iii_triggers.models import Delivery, Subscription, Topic
from iii_triggers.protocol.errors import IiiError, InvalidArguments

from .create import MAX_NAME, NewDelivery, check_size, create_deliveries
from .policy import Policy
from .queues import named_queue, poke, shortened, topic_queue

TRIGGER_TYPE = "queue"
DEFAULT_KEY = "default"
KNOWN_FOR_S = 60.0
MAX_KNOWN = 10_000
"""How many topics are remembered to have a row."""


class TopicNotSet(IiiError):
    """Topic is not set"""

    code = "topic_not_set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is published to a topic."""

    topic: str
    data: Payload
    idempotency_key: str = ""
    """A second message of the topic with this key reaches no function twice."""
    ordering_key: str = ""
    """Order among messages of one key, for subscribers in ``fifo`` mode without a key of theirs."""
    run_at: datetime | None = None
    traceparent: str = ""


def check_message(message: Message) -> None:
    """Raise unless a message can be published.

    TopicNotSet, InvalidArguments, SerializationFailed or PayloadTooLarge.
    """
    if not message.topic:
        raise TopicNotSet()
    for text in (message.topic, message.idempotency_key, message.ordering_key):
        if len(text) > MAX_NAME or "\0" in text:
            raise InvalidArguments(f"A topic or key has NUL or is over {MAX_NAME} characters.")
    check_size(message.data.json())


def publish(message: Message) -> list[uuid.UUID | None]:
    """Write a message in the caller's transaction; return an id for each subscribed function.

    Without a subscriber it waits for the first one, as one delivery. Raises what ``check_message``
    raises.
    """
    return publish_all([message])[0]


def publish_all(messages: Sequence[Message]) -> list[list[uuid.UUID | None]]:
    """Write several messages in one transaction; see ``publish``."""
    for message in messages:
        check_message(message)
    with transaction.atomic():
        topics = {message.topic for message in messages}
        know_topics(Topic.Kind.TOPIC, topics)
        subscribers = _subscribers(topics)
        new = [_deliveries(message, subscribers.get(message.topic, [])) for message in messages]
        ids = iter(create_deliveries([one for of_message in new for one in of_message]))
        return [[next(ids) for _ in of_message] for of_message in new]


def know_topics(kind: str, names: set[str]) -> None:
    """Have a row for each topic, once the caller's transaction is committed.

    Not in it: the row of a new topic would keep everybody else who uses the topic waiting.
    """
    now = time.monotonic()
    fresh = {name for name in names if _known.get((kind, name), 0) < now}
    if fresh:
        transaction.on_commit(partial(write_topics, kind, fresh), robust=True)


def write_topics(kind: str, names: set[str]) -> None:
    """Have a row for each topic, in the caller's transaction if there is one: a short one."""
    there = Topic.objects.filter(kind=kind, name__in=names).values_list("name", flat=True)
    new = names.difference(there)
    if new:
        rows = [Topic(kind=kind, name=name) for name in sorted(new)]
        Topic.objects.bulk_create(rows, ignore_conflicts=True)
        transaction.on_commit(poke, robust=True)
    transaction.on_commit(partial(_remember, kind, names), robust=True)


_known: dict[tuple[str, str], float] = {}


def _remember(kind: str, names: set[str]) -> None:
    if len(_known) + len(names) > MAX_KNOWN:
        _known.clear()
    until = time.monotonic() + KNOWN_FOR_S
    _known.update({(kind, name): until for name in names})


def forget_topics() -> None:
    """Look every topic up anew; for tests, whose rows go."""
    _known.clear()


def celery_queue(topic: Topic) -> str:
    """Return the Celery queue of a topic."""
    return named_queue(topic.name) if topic.kind == Topic.Kind.QUEUE else topic_queue(topic.name)


def ordering_key(policy: Policy, data: Payload, given: str = "") -> str:
    """Return the key that orders a message for one subscriber; "" if nothing does."""
    if not policy.is_ordered:
        return ""
    if policy.order_by is None:
        return given or DEFAULT_KEY
    value = data.value()
    found = value.get(policy.order_by) if isinstance(value, dict) else None
    return given or (DEFAULT_KEY if found is None else as_key(found))


def as_key(value: Any) -> str:
    """Return a JSON value as an ordering key: text as it is, anything else as JSON.

    Empty text too is a key: "" would be no order.
    """
    text: str = value if isinstance(value, str) else Payload.of(value).json().decode()
    return text[:MAX_NAME].replace("\0", "") or DEFAULT_KEY


def _subscribers(topics: set[str]) -> dict[str, list[Subscription]]:
    found: dict[str, list[Subscription]] = {}
    for row in Subscription.objects.filter(topic__in=topics).order_by("pk"):
        found.setdefault(row.topic, []).append(row)
    return found


def _deliveries(message: Message, subscribers: Sequence[Subscription]) -> list[NewDelivery]:
    if not subscribers:
        return [_unclaimed(message)]
    return [_for(message, subscription) for subscription in subscribers]


def _for(message: Message, subscription: Subscription) -> NewDelivery:
    policy = Policy.of(subscription.policy)
    run_at = message.run_at
    if run_at is None and policy.delay_s:
        run_at = timezone.now() + timedelta(seconds=policy.delay_s)
    return NewDelivery(
        function_id=subscription.function_id,
        namespace=subscription.namespace,
        payload=message.data.json(),
        lane=subscription.lane,
        queue=topic_queue(message.topic),
        trigger_type=TRIGGER_TYPE,
        trigger_id=subscription.trigger_id,
        topic=message.topic,
        metadata=subscription.metadata,
        traceparent=message.traceparent,
        policy=policy,
        ordering_key=ordering_key(policy, message.data, message.ordering_key),
        idempotency_key=message.idempotency_key,
        run_at=run_at,
    )


def _unclaimed(message: Message) -> NewDelivery:
    return NewDelivery(
        function_id="",
        payload=message.data.json(),
        lane=shortened("topic:", message.topic),
        queue=topic_queue(message.topic),
        trigger_type=TRIGGER_TYPE,
        topic=message.topic,
        traceparent=message.traceparent,
        ordering_key=message.ordering_key,
        idempotency_key=message.idempotency_key,
        run_at=message.run_at,
        waits_for=Delivery.WaitsFor.SUBSCRIBER,
    )
