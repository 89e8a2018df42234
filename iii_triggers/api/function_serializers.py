"""Functions as the API shows them, and the body that runs one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from iii_triggers.models import Function

from .fields import IdField, NumberField, RowSerializer
from .running import WaitSerializer

MAX_TIMEOUT_S = 24 * 3600.0

OFFER = {
    "id": 7,
    "function_id": "shop.bill",
    "namespace": "default",
    "worker": "6f1c0000-0000-4000-8000-000000000000",
    "worker_name": "shop",
    "description": "Writes a bill.",
    "request_format": {"type": "object"},
    "response_format": None,
    "metadata": None,
    "invocation": None,
    "registered_at": "2026-01-31T12:00:00Z",
}
SHOWN = OpenApiExample("An offer of a worker", response_only=True, value=OFFER)
OFFERS = OpenApiExample(
    "A function of one worker",
    response_only=True,
    value={"function_id": "shop.bill", "namespace": "default", "offers": [OFFER]},
)
INVOKE = OpenApiExample(
    "Run it and wait", request_only=True, value={"data": {"order": 7}, "wait_s": 5}
)
BEGIN = OpenApiExample("Run it and go on", request_only=True, value={"data": {}, "wait_s": 0})


class OfferSerializer(RowSerializer):
    """An offer of a function: by a worker, or by the site itself."""

    worker = serializers.CharField(
        source="worker_id",
        read_only=True,
        allow_null=True,
        help_text="Id of the worker; null is the site itself.",
    )
    worker_name = serializers.CharField(
        source="worker.name", read_only=True, default="", help_text="Empty for the site itself."
    )
    request_format = serializers.JSONField(read_only=True, help_text="What it takes.")
    response_format = serializers.JSONField(read_only=True, help_text="What it returns.")
    metadata = serializers.JSONField(read_only=True)
    invocation = serializers.SerializerMethodField(
        help_text="How it is called over HTTP, without what may be secret; null if it is not."
    )

    class Meta:
        model = Function
        fields = (
            "id",
            "function_id",
            "namespace",
            "worker",
            "worker_name",
            "description",
            "request_format",
            "response_format",
            "metadata",
            "invocation",
            "registered_at",
        )
        read_only_fields = fields

    def get_invocation(self, function: Function) -> dict[str, Any] | None:
        """Return what may be shown: values of headers may be secrets."""
        shown = function.invocation
        if not isinstance(shown, dict):
            return None
        headers = shown.get("headers")
        return {**shown, "headers": sorted(headers)} if isinstance(headers, dict) else shown


class FunctionSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A function, and who offers it."""

    function_id = serializers.CharField()
    namespace = serializers.CharField()
    offers = OfferSerializer(many=True, help_text="The newest first.")


class InvokeSerializer(WaitSerializer):
    """How to run a function."""

    data = serializers.JSONField(  # type: ignore[assignment]
        default=None, allow_null=True, help_text="What the function is given."
    )
    namespace = IdField(default="default", help_text="Where the function lives.")
    metadata = serializers.JSONField(
        default=None, allow_null=True, help_text="Handed to the function beside its input."
    )
    timeout_s = NumberField(
        min_value=0.001,
        max_value=MAX_TIMEOUT_S,
        default=None,
        allow_null=True,
        help_text="Seconds the function may take; null is what the site allows.",
    )
