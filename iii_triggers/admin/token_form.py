"""The form of a worker token: ids one a line instead of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from iii_triggers.engine.access.filters import InvalidRules, read_filter
from iii_triggers.engine.access.reading import read_namespaces, read_prefix
from iii_triggers.engine.access.wildcards import written_pattern
from iii_triggers.models import WorkerToken

from .base import ModelForm
from .json_fields import JSONTextField
from .lines_field import LinesField

ANY, LISTED = "any", "listed"


class FiltersField(LinesField):
    """Filters, one a line: a pattern, or an object with ``match`` or ``metadata``."""

    def line_of(self, item: Any) -> str:
        """Return the pattern alone where there is nothing else."""
        if isinstance(item, str):
            return written_pattern(item) or item
        return json.dumps(item, ensure_ascii=False)

    def item_of(self, line: str) -> Any:
        """Return the filter of a line, as it is stored. Raise ValidationError."""
        try:
            item = json.loads(line) if line.startswith("{") else _written(line)
            read_filter(item)
        except (ValueError, RecursionError) as error:
            raise ValidationError(
                _("“%(line)s” is not valid JSON."), params={"line": line}
            ) from error
        except InvalidRules as error:
            raise ValidationError(
                _("“%(line)s”: %(reason)s."), params={"line": line, "reason": error.message}
            ) from error
        return item


class TokenForm(ModelForm[WorkerToken]):
    """A token and what it allows."""

    expose_functions = FiltersField(
        label=_("Exposed functions"),
        help_text=_(
            "One filter a line. A pattern such as public::* (only * is special), or an object: "
            '{"match": "svc::*", "namespace": "orders"}, {"metadata": {"public": true}}.'
        ),
    )
    allowed_functions = LinesField(
        label=_("Allowed functions"),
        help_text=_("More functions of the namespace default: ids, one a line."),
    )
    forbidden_functions = LinesField(
        label=_("Forbidden functions"),
        help_text=_("Never, in any namespace, even if calls are not restricted: one a line."),
    )
    trigger_types = forms.ChoiceField(
        label=_("Triggers"),
        choices=[(ANY, _("of every type")), (LISTED, _("of the types below only"))],
        widget=forms.RadioSelect,
        initial=ANY,
        required=False,
    )
    allowed_trigger_types = LinesField(
        label=_("Allowed trigger types"),
        help_text=_("One a line, such as http. None at all: the worker binds no triggers."),
    )
    namespaces = JSONTextField(
        label=_("Namespaces"),
        required=False,
        help_text=_(
            "Namespace to the functions that may be called there, such as "
            '{"orders": ["svc::*"]}. The worker lives and registers in these only; '
            "{} does not limit it."
        ),
    )
    context = JSONTextField(
        label=_("Context"), required=False, help_text=_("An object for hooks and middleware.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_listed = self.instance.allowed_trigger_types is not None
        self.initial["trigger_types"] = LISTED if is_listed else ANY

    def clean_namespaces(self) -> Any:
        """Return the namespaces."""
        value = self.cleaned_data["namespaces"] or {}
        return _checked(read_namespaces, value) and value

    def clean_context(self) -> Any:
        """Return the context."""
        value = self.cleaned_data["context"] or {}
        if not isinstance(value, dict):
            raise ValidationError(_("Write an object: {…}."))
        return value

    def clean_function_registration_prefix(self) -> str:
        """Return the prefix."""
        value: str = self.cleaned_data["function_registration_prefix"]
        return str(_checked(read_prefix, value.removesuffix("::")))

    def clean(self) -> dict[str, Any] | None:
        """Let every type be bound unless types are listed."""
        cleaned = super().clean()
        if self.cleaned_data.get("trigger_types") != LISTED:
            if self.cleaned_data.get("allowed_trigger_types"):
                self.add_error("trigger_types", _("Choose this: you listed types."))
            self.cleaned_data["allowed_trigger_types"] = None
        return cleaned


def _written(pattern: str) -> str:
    if written_pattern(pattern) is not None:
        return pattern
    if '"' in pattern:
        raise InvalidRules("a pattern has no quotes")
    return f'match("{pattern}")'


def _checked(read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value) if value else value
    except InvalidRules as error:
        raise ValidationError(error.message) from error
