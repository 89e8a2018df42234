"""The form of a trigger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.conf import settings
from iii_triggers.models import Function, Trigger, TriggerType
from iii_triggers.protocol.errors import InvalidConfig, TriggerRejected
from iii_triggers.trigger_types.validation import (
    builtin_trigger_types,
    validate_config,
    validate_trigger,
)

from .base import ModelForm

MAX_SUGGESTIONS = 1000


class SuggestingInput(forms.TextInput):
    """A text input that completes to ``suggestions``; anything else may be typed as well."""

    template_name = "iii_triggers/suggesting_input.html"
    suggestions: Sequence[str] = ()

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add the suggestions and the id that ties them to the input."""
        list_id = f"{name}-suggestions"
        context = super().get_context(name, value, {**(attrs or {}), "list": list_id})
        return {**context, "list_id": list_id, "suggestions": self.suggestions}


class TriggerForm(ModelForm[Trigger]):
    """A trigger as people edit it; the config is checked by its type."""

    class Meta:
        model = Trigger
        fields = [
            "trigger_id",
            "namespace",
            "trigger_type",
            "function_id",
            "config",
            "metadata",
            "enabled",
        ]
        widgets = {"function_id": SuggestingInput(attrs={"class": "vTextField"})}
        help_texts = {
            "trigger_id": _("Made up unless you choose one. It stays once the trigger is saved."),
            "trigger_type": _("The kind of event source."),
            "function_id": _("The function to run; it may be registered later."),
            "config": _("A JSON object; the keys each trigger type knows are listed below."),
            "namespace": _("Where the function lives."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "trigger_type" in self.fields:
            self.fields["trigger_type"] = self._trigger_type_field()
        if "function_id" in self.fields:
            widget = self.fields["function_id"].widget
            widget.suggestions = known_function_ids()
        if "metadata" in self.fields:
            self.fields["metadata"].widget.attrs["rows"] = 3

    def clean_config(self) -> Any:
        """Nothing means no config."""
        config = self.cleaned_data["config"]
        return {} if config is None else config

    def clean(self) -> dict[str, Any]:
        """Check what concerns more than one field."""
        cleaned_data = super().clean() or self.cleaned_data
        for name in ("trigger_id", "function_id"):
            self._check_length(name)
        if not self.errors:
            self._check_unique()
            self._check_config()
        return cleaned_data

    def _trigger_type_field(self) -> forms.ChoiceField:
        current = self.instance.trigger_type
        field = self.fields["trigger_type"]
        return forms.ChoiceField(
            label=field.label,
            help_text=field.help_text,
            choices=[("", "---------"), *((type_id, type_id) for type_id in type_ids(current))],
        )

    def _value(self, name: str) -> Any:
        return self.cleaned_data.get(name, getattr(self.instance, name))

    def _check_length(self, name: str) -> None:
        limit = settings.III_MAX_ID_LENGTH
        if len(self._value(name)) > limit:
            message = gettext("Ids have at most %(limit)d characters.")
            self.add_error(name, message % {"limit": limit})

    def _check_unique(self) -> None:
        namespace, trigger_id = self._value("namespace"), self._value("trigger_id")
        same = Trigger.objects.filter(namespace=namespace, trigger_id=trigger_id)
        if same.exclude(pk=self.instance.pk).exists() if self.instance.pk else same.exists():
            message = gettext("The namespace “%(namespace)s” has another trigger with this id.")
            self.add_error("trigger_id", message % {"namespace": namespace})

    def _check_config(self) -> None:
        field = "config" if "config" in self.fields else "enabled"
        names = ("trigger_type", "namespace", "config", "trigger_id")
        try:
            check_trigger(
                **{name: self._value(name) for name in names},
                enabled=self._value("enabled"),
                exclude_pk=self.instance.pk,
                provider_namespace=self.instance.provider_namespace,
            )
        except TriggerRejected as error:
            self.add_error(field if field in self.fields else None, rejection(error))


def check_trigger(
    *,
    trigger_type: str,
    namespace: str,
    config: Any,
    trigger_id: str,
    enabled: bool,
    exclude_pk: int | None,
    provider_namespace: str,
) -> None:
    """Check a trigger; one that is disabled conflicts with nothing. Raise TriggerRejected."""
    if not enabled:
        validate_config(
            trigger_type=trigger_type,
            namespace=namespace,
            config=config,
            provider_namespace=provider_namespace,
        )
        return
    validate_trigger(
        trigger_type=trigger_type,
        namespace=namespace,
        config=config,
        trigger_id=trigger_id,
        exclude_pk=exclude_pk,
        provider_namespace=provider_namespace,
    )


def rejection(error: TriggerRejected) -> str:
    """Return the message of ``error``, with the config key at fault."""
    if isinstance(error, InvalidConfig) and error.field and error.field not in error.message:
        return f"{error.field}: {error.message}"
    return error.message


def type_ids(current: str) -> list[str]:
    """Return the ids of all trigger types anybody knows, and ``current``."""
    builtin = (registrator.id for registrator in builtin_trigger_types().values())
    rows: Iterable[str] = TriggerType.objects.order_by().values_list("type_id", flat=True)
    return sorted({*builtin, *rows, current} - {""})


def known_function_ids() -> list[str]:
    """Return ids of functions that exist now."""
    ids = Function.objects.order_by("function_id").values_list("function_id", flat=True)
    return list(ids.distinct()[:MAX_SUGGESTIONS])
