"""Deliveries as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from iii_triggers.models import Delivery
from iii_triggers.protocol.errors import MalformedFrame
from iii_triggers.protocol.json_values import shown_json

from .fields import RowSerializer

SHOWN = OpenApiExample(
    "A dead delivery",
    response_only=True,
    value={
        "id": "0197b2c4-5d6e-7f80-9a1b-2c3d4e5f6071",
        "state": "dead",
        "waits_for": "",
        "trigger_type": "queue",
        "trigger_id": "bill",
        "topic": "orders",
        "function_id": "shop.bill",
        "namespace": "default",
        "attempts": 3,
        "max_attempts": 3,
        "ordering_key": "",
        "idempotency_key": "",
        "queue": "iii.orders",
        "lane": "queue:b7d1",
        "node_id": "",
        "error_code": "invocation_failed",
        "error": "The bank is closed.",
        "traceparent": "",
        "scheduled_for": None,
        "run_at": "2026-01-31T12:00:00Z",
        "leased_until": None,
        "away_since": None,
        "created_at": "2026-01-31T12:00:00Z",
        "started_at": "2026-01-31T12:00:03Z",
        "finished_at": "2026-01-31T12:00:04Z",
    },
)
PAYLOAD = OpenApiExample(
    "A message",
    response_only=True,
    value={"payload": {"order": 7}, "payload_text": None, "metadata": None},
)


class DeliverySerializer(RowSerializer):
    """A durable invocation of a function."""

    queue = serializers.CharField(read_only=True, help_text="The Celery queue it goes through.")
    lane = serializers.CharField(
        read_only=True, help_text="Limits, order and idempotency hold within a lane."
    )

    class Meta:
        model = Delivery
        fields = (
            "id",
            "state",
            "waits_for",
            "trigger_type",
            "trigger_id",
            "topic",
            "function_id",
            "namespace",
            "attempts",
            "max_attempts",
            "ordering_key",
            "idempotency_key",
            "queue",
            "lane",
            "node_id",
            "error_code",
            "error",
            "traceparent",
            "scheduled_for",
            "run_at",
            "leased_until",
            "away_since",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields


class MessageSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What the function of a delivery is given."""

    payload = serializers.JSONField(allow_null=True)
    payload_text = serializers.CharField(
        allow_null=True, help_text="The payload as text, where it cannot be read as JSON."
    )
    metadata = serializers.JSONField(
        allow_null=True, help_text="What the trigger hands over beside it."
    )


def message_of(delivery: Delivery) -> dict[str, Any]:
    """Return the payload of a delivery as JSON, or as text where that cannot be."""
    try:
        payload, text = shown_json(delivery.payload), None
    except MalformedFrame:
        payload, text = None, delivery.payload
    return {"payload": payload, "payload_text": text, "metadata": delivery.metadata}
