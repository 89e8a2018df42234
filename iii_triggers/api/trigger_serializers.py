"""Triggers as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework import serializers

from iii_triggers.models import Trigger
from iii_triggers.models.triggers import new_trigger_id

from .fields import FlagField, IdField, RowSerializer
from .running import WaitSerializer

WRITTEN = {
    "trigger_id": "greet",
    "namespace": "default",
    "trigger_type": "http",
    "function_id": "demo.greet",
    "config": {"api_path": "greet", "http_method": "POST"},
    "metadata": None,
    "enabled": True,
}
NEW = OpenApiExample("A route", request_only=True, value=WRITTEN)
SWITCH = OpenApiExample("Disable", request_only=True, value={"enabled": False})
SHOWN = OpenApiExample(
    "A route",
    response_only=True,
    value={
        "id": 7,
        **WRITTEN,
        "provider_namespace": "",
        "source": "api",
        "worker": None,
        "state": "active",
        "error": "",
        "next_fire_at": None,
        "created_by": "ada",
        "created_at": "2026-01-31T12:00:00Z",
        "updated_at": "2026-01-31T12:00:00Z",
    },
)
FIRE = OpenApiExample(
    "Fire and wait", request_only=True, value={"data": {"name": "Ada"}, "wait_s": 5}
)


@extend_schema_field(OpenApiTypes.OBJECT)
class ConfigField(serializers.JSONField):
    """The config of a trigger."""

    def to_internal_value(self, data: Any) -> Any:
        """Refuse all but objects; what is in one is for the trigger type to judge."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("The config must be a JSON object.")
        return data


class TriggerSerializer(RowSerializer):
    """A trigger. What is left out of a PUT gets its default; the id and the namespace stay."""

    trigger_id = IdField(
        required=False, help_text="Unique in its namespace; made up if left out. It stays."
    )
    namespace = IdField(required=False, help_text="Where the function lives: `default`. It stays.")
    trigger_type = IdField(help_text="The kind of event source, such as `http`.")
    provider_namespace = IdField(
        default="",
        allow_blank=True,
        help_text="Where the type must be; empty looks in the namespace, then in default.",
    )
    function_id = IdField(help_text="The function to run; it may be registered later.")
    config = ConfigField(default=dict, help_text="What the trigger type asks for.")
    metadata = serializers.JSONField(
        default=None,
        allow_null=True,
        help_text="Handed to the function beside its input with every firing.",
    )
    enabled = FlagField(default=True)
    worker = serializers.CharField(
        source="worker.worker_id",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Id of the worker that owns it.",
    )
    created_by = serializers.CharField(
        source="created_by.get_username", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = Trigger
        fields = (
            "id",
            "trigger_id",
            "namespace",
            "trigger_type",
            "provider_namespace",
            "function_id",
            "config",
            "metadata",
            "enabled",
            "source",
            "worker",
            "state",
            "error",
            "next_fire_at",
            "created_by",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("source", "state", "error", "next_fire_at", "created_at", "updated_at")
        validators: tuple[Any, ...] = ()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Make up an id for a new trigger; that of another stays."""
        if self.instance is None:
            return {"trigger_id": new_trigger_id(), "namespace": "default", **attrs}
        for name in ("trigger_id", "namespace"):
            if attrs.pop(name, kept := getattr(self.instance, name)) != kept:
                raise serializers.ValidationError({name: f"It stays {kept!r}."})
        return attrs


class FireSerializer(WaitSerializer):
    """What to fire a trigger with."""

    data = serializers.JSONField(  # type: ignore[assignment]
        required=False,
        allow_null=True,
        help_text="What the function is given; left out, it is what the type usually gives it.",
    )
