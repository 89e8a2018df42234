"""The admin page of configurations, which functions register: their value is edited here."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.models import Configuration
from iii_triggers.protocol.errors import IiiError
from iii_triggers.trigger_types.configuration.changes import ConfigurationChange
from iii_triggers.trigger_types.configuration.entries import check_against, set_value
from iii_triggers.trigger_types.configuration.placeholders import Variable, variables_in
from iii_triggers.trigger_types.configuration.registrator import configuration_changed

from .base import EngineAdmin
from .formatting import NOTHING, cut, json_block
from .stored_json import StoredValueForm, is_editable, value_block

REGISTERED = ("config_id", "name", "description")
DESCRIBED = ("variables", "pretty_schema", "pretty_metadata", "created_at", "updated_at")


class ConfigurationForm(StoredValueForm):
    """The value of a configuration, which its schema must allow."""

    class Meta:
        model = Configuration
        fields: tuple[str, ...] = ()

    def clean_value(self) -> str:
        """Refuse what the schema does not allow."""
        value: str = self.cleaned_data["value"]
        try:
            check_against(value, self.instance.schema)
        except IiiError as error:
            raise forms.ValidationError(error.message) from error
        return value


@admin.register(Configuration)
class ConfigurationAdmin(EngineAdmin[Configuration]):
    """Configurations; an edit fires ``configuration`` triggers as every other change does."""

    form = ConfigurationForm
    list_display = ("config_id", "name", "summary", "updated_at")
    search_fields = ("config_id", "name", "description")
    readonly_fields = (*REGISTERED, "pretty_value", *DESCRIBED)

    @admin.display(description=_("value"))
    def summary(self, configuration: Configuration) -> str:
        """How the value begins."""
        return cut(configuration.value)

    @admin.display(description=_("value"))
    def pretty_value(self, configuration: Configuration) -> SafeString:
        """The value, where it cannot be edited."""
        return value_block(configuration)

    @admin.display(description=_("schema"))
    def pretty_schema(self, configuration: Configuration) -> str:
        """What the value must be like."""
        return json_block(configuration.schema)

    @admin.display(description=_("metadata"))
    def pretty_metadata(self, configuration: Configuration) -> str:
        """What was registered beside it."""
        return json_block(configuration.metadata)

    @admin.display(description=_("variables"))
    def variables(self, configuration: Configuration) -> str | SafeString:
        """The placeholders of the value, and what becomes of each; never what a variable holds."""
        found = variables_in(configuration.value)
        lines = ((variable.name, _situation(variable)) for variable in found)
        return format_html_join("", "<div><code>{}</code>: {}</div>", lines) or NOTHING

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Functions register configurations."""
        return False

    def get_fields(self, request: HttpRequest, obj: Configuration | None = None) -> tuple[str, ...]:
        """The value is a text area for those who may edit it, and a block for others."""
        if is_editable(obj) and self.has_change_permission(request, obj):
            return (*REGISTERED, "value", "seen", *DESCRIBED)
        return (*REGISTERED, "pretty_value", *DESCRIBED)

    def save_model(
        self,
        request: HttpRequest,
        obj: Configuration,
        form: forms.ModelForm[Configuration],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Set the value as functions do, so that triggers hear of it."""
        if "value" in form.changed_data:
            done = set_value(obj.config_id, obj.value)
            transaction.on_commit(partial(configuration_changed, done), robust=True)

    def delete_model(self, request: HttpRequest, obj: Configuration) -> None:
        """Delete it and let triggers hear of it."""
        change = ConfigurationChange(event_type="deleted", row=obj, old=obj.value, new=None)
        obj.delete()
        transaction.on_commit(partial(configuration_changed, change), robust=True)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Configuration]) -> None:
        """Delete one by one."""
        for configuration in list(queryset):
            self.delete_model(request, configuration)


def _situation(variable: Variable) -> Any:
    if not variable.is_listed:
        reason = gettext("not in III_CONFIGURATION_ENV")
    elif variable.is_set:
        return gettext("set")
    else:
        reason = gettext("not set")
    if variable.has_default:
        return gettext("%s: its default is used") % reason
    return gettext("%s: reading the configuration fails") % reason
