"""Runs as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from iii_triggers.models import Invocation, InvocationPayload
from iii_triggers.protocol.errors import MalformedFrame
from iii_triggers.protocol.json_values import shown_json

from .fields import RowSerializer
from .running import WaitSerializer

RUN = OpenApiExample(
    "A run that failed",
    response_only=True,
    value={
        "id": "0197b2c4-5d6e-7f80-9a1b-2c3d4e5f6071",
        "status": "failed",
        "function_id": "demo.greet",
        "namespace": "default",
        "trigger_type": "http",
        "trigger_id": "greet",
        "worker_id": "",
        "worker_name": "",
        "node_id": "0197b2c0-0000-7000-8000-000000000000",
        "caller": "",
        "delivery_id": None,
        "attempt": 1,
        "replay_of": None,
        "started_at": "2026-01-31T12:00:00Z",
        "duration_ms": 12.5,
        "error_code": "invocation_failed",
        "error": "KeyError: 'name'",
        "traceparent": "",
        "invocation_id": "",
    },
)
PAYLOAD = OpenApiExample(
    "All of it was kept",
    response_only=True,
    value={
        "input": {"name": "Ada"},
        "input_text": None,
        "output": {"greeting": "Hello, Ada"},
        "output_text": None,
        "redacted": False,
        "stacktrace": "",
    },
)
REPLAY = OpenApiExample("With the same input", request_only=True, value={"wait_s": 5})
EDITED = OpenApiExample("With another input", request_only=True, value={"data": {"name": "Bob"}})


class RunSerializer(RowSerializer):
    """One run of a function."""

    class Meta:
        model = Invocation
        fields = (
            "id",
            "status",
            "function_id",
            "namespace",
            "trigger_type",
            "trigger_id",
            "worker_id",
            "worker_name",
            "node_id",
            "caller",
            "delivery_id",
            "attempt",
            "replay_of",
            "started_at",
            "duration_ms",
            "error_code",
            "error",
            "traceparent",
            "invocation_id",
        )
        read_only_fields = fields


class PayloadSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What a run was given and what it returned."""

    input = serializers.JSONField(allow_null=True, help_text="Null if it is not there whole.")
    input_text = serializers.CharField(
        allow_null=True, help_text="The beginning of an input that was cut."
    )
    output = serializers.JSONField(allow_null=True, help_text="Null if it is not there whole.")
    output_text = serializers.CharField(
        allow_null=True, help_text="The beginning of an output that was cut."
    )
    redacted = serializers.BooleanField(help_text="Whether secrets were left out.")
    stacktrace = serializers.CharField(allow_blank=True)


class ReplaySerializer(WaitSerializer):
    """How to repeat a run."""

    data = serializers.JSONField(  # type: ignore[assignment]
        required=False,
        allow_null=True,
        help_text="What the function is given; left out, it is what it was given then.",
    )


def payload_of(kept: InvocationPayload) -> dict[str, Any]:
    """Return what was kept as JSON, where it is whole, else as text."""
    input_value, input_text = _read(kept.input, is_cut=kept.input_cut)
    output_value, output_text = _read(kept.output, is_cut=kept.output_cut)
    return {
        "input": input_value,
        "input_text": input_text,
        "output": output_value,
        "output_text": output_text,
        "redacted": kept.redacted,
        "stacktrace": kept.stacktrace,
    }


def _read(text: str, *, is_cut: bool) -> tuple[Any, str | None]:
    if is_cut:
        return None, text
    try:
        return shown_json(text), None
    except MalformedFrame:
        return None, text
