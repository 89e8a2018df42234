"""Topics as the API shows them, and messages as it takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from iii_triggers.delivery.named_queues import MAX_NAME
from iii_triggers.delivery.overview import Backlog
from iii_triggers.delivery.topics import celery_queue
from iii_triggers.models import Delivery, Topic

from .fields import BodySerializer, MomentField, NumberField, TextField

MAX_DELAY_S = 366 * 24 * 3600.0

State = Delivery.State
FIGURES = {
    "waiting": State.QUEUED,
    "running": State.LEASED,
    "retrying": State.RETRY,
    "held": State.HELD,
    "dead": State.DEAD,
}
SHOWN = OpenApiExample(
    "A topic",
    response_only=True,
    value={
        "name": "orders",
        "kind": "topic",
        "waiting": 2,
        "running": 1,
        "retrying": 0,
        "held": 0,
        "dead": 3,
        "oldest_waiting": "2026-01-31T12:00:00Z",
        "functions": ["shop.bill"],
        "celery_queue": "iii.orders",
        "created_at": "2026-01-31T12:00:00Z",
    },
)
PUBLISH = OpenApiExample(
    "A message", request_only=True, value={"data": {"order": 7}, "idempotency_key": "order-7"}
)
ACCEPTED = OpenApiExample(
    "It is accepted",
    response_only=True,
    status_codes=["202"],
    value={"delivery_ids": ["0197b2c4-5d6e-7f80-9a1b-2c3d4e5f6071"]},
)


class TopicSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A topic or a named queue, and how many deliveries it has in which state."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Topic.Kind.choices)
    waiting = serializers.IntegerField(help_text="Accepted and not started.")
    running = serializers.IntegerField()
    retrying = serializers.IntegerField(help_text="Failed, and before their next attempt.")
    held = serializers.IntegerField()
    dead = serializers.IntegerField()
    oldest_waiting = MomentField(
        allow_null=True, help_text="When the oldest one that waits was accepted."
    )
    functions = serializers.ListField(
        child=serializers.CharField(), help_text="Subscribed functions; a named queue has none."
    )
    celery_queue = serializers.CharField()
    created_at = MomentField()


class PublishSerializer(BodySerializer):
    """A message."""

    data = serializers.JSONField(  # type: ignore[assignment]
        allow_null=True, help_text="What each function is given."
    )
    idempotency_key = TextField(
        default="",
        allow_blank=True,
        max_length=MAX_NAME,
        help_text="A second message of the topic with this key reaches no function twice.",
    )
    ordering_key = TextField(
        default="",
        allow_blank=True,
        max_length=MAX_NAME,
        help_text="Messages with the same key run in order, for subscribers in `fifo` mode.",
    )
    delay_s = NumberField(
        min_value=0, max_value=MAX_DELAY_S, default=0, help_text="Seconds to wait before it runs."
    )


class PublishedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What became of a message."""

    delivery_ids = serializers.ListField(
        child=serializers.UUIDField(), help_text="A delivery for each subscribed function."
    )


def topic_document(topic: Topic, backlog: Backlog) -> dict[str, Any]:
    """Return a topic and its backlog as they are shown."""
    return {
        "name": topic.name,
        "kind": topic.kind,
        **{name: backlog.counts.get(state, 0) for name, state in FIGURES.items()},
        "oldest_waiting": backlog.oldest_waiting,
        "functions": backlog.functions,
        "celery_queue": celery_queue(topic),
        "created_at": topic.created_at,
    }
