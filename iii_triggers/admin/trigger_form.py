"""The form of a trigger."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.conf import settings
from iii_triggers.models import Function, Trigger, TriggerType
from iii_triggers.protocol.errors import InvalidConfig, TriggerRejected
from iii_triggers.trigger_types.validation import builtin_trigger_types, check_trigger

from .base import ModelForm
from .config_help import Place
from .config_part import (
    SHOW,
    ConfigPart,
    is_of_another_type,
    object_in,
    opened,
    posted,
    shown_otherwise,
    subject_of,
)
from .formatting import pretty_json
from .function_field import MAX_SUGGESTIONS, FunctionInput, suggestions


class TriggerForm(ModelForm[Trigger]):
    """A trigger as people edit it; the config is checked by its type.

    ``config_part`` is how the config is edited, None where it is not.
    """

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
        widgets = {"function_id": FunctionInput(attrs={"class": "vTextField"})}
        help_texts = {
            "trigger_id": _("Made up unless you choose one. It stays once the trigger is saved."),
            "trigger_type": _("The kind of event source."),
            "function_id": _("The function to run; it may be registered later."),
            "namespace": _("Where the function lives."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "trigger_type" in self.fields:
            self.fields["trigger_type"] = self._trigger_type_field()
        if "function_id" in self.fields:
            self.fields["function_id"].widget.suggestions = suggestions(MAX_SUGGESTIONS + 1)
        if "metadata" in self.fields:
            self.fields["metadata"].widget.attrs["rows"] = 3
        self.config_part = self._config_part() if "config" in self.fields else None
        if self.is_bound and self.config_part is not None:
            self.data = _with_config(self.data, self.config_part.value)

    @property
    def initial_config(self) -> str:
        """The config when the page was opened, as JSON: if nobody touches it, it is not saved."""
        return str(self.data.get("initial-config") or pretty_json(self.initial.get("config")))

    def full_clean(self) -> None:
        """Find nothing wrong while somebody only looks at the config another way."""
        if self._is_only_shown():
            self._errors, self.cleaned_data = ErrorDict(), {}
        else:
            super().full_clean()

    def is_valid(self) -> bool:
        """Tell whether it can be saved."""
        return super().is_valid() and not self._is_only_shown()

    def clean_config(self) -> Any:
        """Nothing means no config."""
        config = self.cleaned_data["config"]
        return {} if config is None else config

    def clean(self) -> dict[str, Any]:
        """Check what concerns more than one field."""
        cleaned_data = super().clean() or self.cleaned_data
        for name in ("trigger_id", "function_id"):
            self._check_length(name)
        self._check_entries()
        if not self.errors:
            self._check_unique()
            self._check_stale()
            # One that code declares can be switched off whatever has become of its config.
            if "config" in self.fields or self._value("enabled"):
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

    def _check_stale(self) -> None:
        """Refuse to overwrite a config that nobody has seen here."""
        seen, stored = self.data.get("initial-config"), pretty_json(self.initial.get("config"))
        is_edited = not {"trigger_type", "config"}.isdisjoint(self.changed_data)
        if seen and self.instance.pk and is_edited and _canonical(seen) != _canonical(stored):
            message = gettext(
                "It was changed meanwhile. Open the page again to see what it is now."
            )
            self._blame_config(message)

    def _check_entries(self) -> None:
        """See whether the config can be read, and whether it is the one of the type."""
        part = self.config_part
        if part is None:
            return
        part.errors.extend(map(str, self.errors.get("config", [])))
        if is_of_another_type(part.subject, self.data):
            message = gettext("Fill in the fields of “%(type)s”, which you chose just now.")
            self._blame_config(message % {"type": part.subject.place.type_id})
        elif part.form is not None:
            part.form.require()
            for problem in part.form.problems():
                self.add_error("config", problem)

    def _check_config(self) -> None:
        names = ("trigger_type", "namespace", "config", "trigger_id")
        try:
            check_trigger(
                **{name: self._value(name) for name in names},
                enabled=self._value("enabled"),
                exclude_pk=self.instance.pk,
                provider_namespace=self.instance.provider_namespace,
            )
        except TriggerRejected as error:
            self._blame_config(rejection(error), getattr(error, "field", ""))

    def _blame_config(self, message: str, key: str = "") -> None:
        """Show ``message`` at the key of the config, at the config, or wherever there is room."""
        field = "config" if "config" in self.fields else "enabled"
        self.add_error(field if field in self.fields else None, message)
        part = self.config_part
        if part is not None and not (part.form is not None and part.form.blame(key, message)):
            part.errors.append(message)

    def _config_part(self) -> ConfigPart:
        subject = subject_of(self._place())
        if not self.is_bound:
            config = self.initial.get("config")
            return opened(subject, object_in(config) if isinstance(config, str) else config)
        if self._is_only_shown() or is_of_another_type(subject, self.data):
            return shown_otherwise(subject, self.data)
        return posted(subject, self.data)

    def _is_only_shown(self) -> bool:
        return self.is_bound and SHOW in self.data

    def _place(self) -> Place:
        values = self.data if self.is_bound else self.initial
        namespace = values.get("namespace") if "namespace" in self.fields else None
        return Place(
            type_id=str(values.get("trigger_type") or ""),
            namespace=str(namespace or self.instance.namespace),
            provider_namespace=self.instance.provider_namespace,
        )


def _with_config(data: Any, config: str) -> Any:
    changed = data.copy()
    changed["config"] = config
    return changed


def _canonical(text: str) -> str:
    """Return a text that tells configs apart: to Python, ``1`` and ``True`` are equal."""
    return json.dumps(object_in(text), sort_keys=True)


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
