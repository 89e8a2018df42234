"""The admin page of trigger types."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Trigger, TriggerType
from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.json_schema import check_schema
from iii_triggers.trigger_types.validation import builtin_trigger_types

from .base import EngineAdmin, ModelForm
from .formatting import NOTHING, cut, json_block


class TriggerTypeForm(ModelForm[TriggerType]):
    """A trigger type as people edit it."""

    class Meta:
        model = TriggerType
        fields = ["type_id", "namespace", "description", "config_schema", "call_schema"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"})}

    def clean_type_id(self) -> str:
        """A built-in type cannot be described by hand."""
        type_id: str = self.cleaned_data["type_id"]
        if type_id in builtin_trigger_types():
            raise ValidationError(_("A built-in trigger type has this id."), code="builtin")
        return type_id

    def clean_config_schema(self) -> Any:
        """The schema must be one."""
        return self._clean_schema("config_schema")

    def clean_call_schema(self) -> Any:
        """The schema must be one."""
        return self._clean_schema("call_schema")

    def clean(self) -> dict[str, Any]:
        """Check that the id is free in its namespace."""
        cleaned_data = super().clean() or self.cleaned_data
        key = {name: cleaned_data.get(name) for name in ("namespace", "type_id")}
        if all(key.values()) and TriggerType.objects.filter(**key).exists():
            message = gettext("The namespace “%(namespace)s” has a trigger type with this id.")
            self.add_error("type_id", message % key)
        return cleaned_data

    def _clean_schema(self, name: str) -> Any:
        schema = self.cleaned_data[name]
        if schema is None:
            return None
        try:
            check_schema(schema)
        except InvalidConfig as error:
            raise ValidationError(error.message, code="schema") from error
        return schema


@admin.register(TriggerType)
class TriggerTypeAdmin(EngineAdmin[TriggerType]):
    """Trigger types: those made here are edited, those of workers and of the site shown."""

    form = TriggerTypeForm
    list_display = ("type_id", "short_description", "source", "provider", "triggers", "namespace")
    list_filter = ("source", "namespace")
    list_select_related = ("worker",)
    search_fields = ("type_id", "description")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TriggerType]:
        """Count the triggers of each type."""
        same = Trigger.objects.filter(trigger_type=OuterRef("type_id")).order_by()
        count = same.values("trigger_type").annotate(count=Count("pk")).values("count")
        queryset: QuerySet[TriggerType] = super().get_queryset(request)
        return queryset.annotate(trigger_count=Coalesce(Subquery(count), 0))

    @admin.display(description=_("description"))
    def short_description(self, trigger_type: TriggerType) -> str:
        """The beginning of the description."""
        return cut(trigger_type.description) or NOTHING

    @admin.display(description=_("provider"))
    def provider(self, trigger_type: TriggerType) -> str:
        """Who provides the type now."""
        if trigger_type.source == TriggerType.Source.BUILTIN:
            return gettext("the engine")
        return str(trigger_type.worker or gettext("nobody: its triggers wait"))

    @admin.display(description=_("triggers"), ordering="trigger_count")
    def triggers(self, trigger_type: TriggerType) -> int:
        """How many triggers of any namespace have this type."""
        count: int = getattr(trigger_type, "trigger_count", 0)
        return count

    @admin.display(description=_("config schema"))
    def pretty_config_schema(self, trigger_type: TriggerType) -> str:
        """The schema, for those who may not edit it."""
        return json_block(trigger_type.config_schema)

    @admin.display(description=_("call schema"))
    def pretty_call_schema(self, trigger_type: TriggerType) -> str:
        """The schema, for those who may not edit it."""
        return json_block(trigger_type.call_schema)

    def get_fieldsets(self, request: HttpRequest, obj: TriggerType | None = None) -> Any:
        """A schema that cannot be edited is shown as a block."""
        schemas = ("config_schema", "call_schema")
        if obj is not None and not self.has_change_permission(request, obj):
            schemas = ("pretty_config_schema", "pretty_call_schema")
        main = (None, {"fields": ("type_id", "namespace", "description", *schemas)})
        if obj is None:
            return (main,)
        origin = ("source", "provider", "created_at", "updated_at")
        return (main, (_("Origin"), {"fields": origin}))

    def get_readonly_fields(
        self, request: HttpRequest, obj: TriggerType | None = None
    ) -> tuple[str, ...]:
        """The id stays what it is."""
        identity = () if obj is None else ("type_id", "namespace")
        shown = ("source", "provider", "created_at", "updated_at")
        return (*identity, *shown, "pretty_config_schema", "pretty_call_schema")

    def has_change_permission(self, request: HttpRequest, obj: TriggerType | None = None) -> bool:
        """Only what was made here is edited here."""
        is_ours = getattr(obj, "source", TriggerType.Source.ADMIN) == TriggerType.Source.ADMIN
        return is_ours and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: TriggerType | None = None) -> bool:
        """What somebody provides cannot be deleted; what a worker left behind can."""
        return not _is_provided(obj) and super().has_delete_permission(request, obj)

    def save_model(
        self,
        request: HttpRequest,
        obj: TriggerType,
        form: forms.ModelForm[TriggerType],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Note that the type was made here."""
        if not change:
            obj.source = TriggerType.Source.ADMIN
        super().save_model(request, obj, form, change)


def _is_provided(obj: TriggerType | None) -> bool:
    if obj is None:
        return False
    return obj.source == TriggerType.Source.BUILTIN or obj.worker_id is not None
