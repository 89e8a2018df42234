"""``trigger-types/``: the kinds of event source there are."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from iii_triggers.models import TriggerType

from .fields import RowSerializer
from .filters import choice, text
from .schema import describe
from .views import ApiViewSet

EXAMPLE = OpenApiExample(
    "A type that comes with the engine",
    response_only=True,
    value={
        "id": 1,
        "type_id": "http",
        "namespace": "default",
        "description": "Runs a function for every HTTP request.",
        "config_schema": {"type": "object", "required": ["api_path"]},
        "call_schema": None,
        "source": "builtin",
        "worker": None,
        "created_at": "2026-01-31T12:00:00Z",
        "updated_at": "2026-01-31T12:00:00Z",
    },
)


class TriggerTypeSerializer(RowSerializer):
    """A kind of event source."""

    config_schema = serializers.JSONField(
        read_only=True, help_text="JSON Schema of the config of a trigger; null is anything."
    )
    call_schema = serializers.JSONField(
        read_only=True, help_text="JSON Schema of what functions receive."
    )
    worker = serializers.CharField(
        source="worker.worker_id",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Id of the worker that provides the type now.",
    )

    class Meta:
        model = TriggerType
        fields = (
            "id",
            "type_id",
            "namespace",
            "description",
            "config_schema",
            "call_schema",
            "source",
            "worker",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


@extend_schema_view(
    list=describe(summary="List trigger types", examples=[EXAMPLE]),
    retrieve=describe(summary="Look at a trigger type", examples=[EXAMPLE]),
)
class TriggerTypeViewSet(RetrieveModelMixin, ApiViewSet):
    """The kinds of event source: those of the engine, of the site and of workers."""

    queryset = TriggerType.objects.select_related("worker")
    serializer_class = TriggerTypeSerializer
    lookup_value_regex = "[0-9]{1,18}"
    needs = {"list": "view_triggertype", "retrieve": "view_triggertype"}
    filters = {
        "type_id": text("type_id"),
        "namespace": text("namespace"),
        "source": choice("source", TriggerType.Source.values),
    }

    def list(self, request: Request) -> Response:
        """List the trigger types, newest first."""
        return self.page(self.get_queryset())
