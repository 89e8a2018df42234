"""Values that are stored as JSON text, edited in the admin while functions may write them too."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from iii_triggers.protocol.codec import from_json, to_json
from iii_triggers.protocol.errors import IiiError
from iii_triggers.protocol.json_values import json_error
from iii_triggers.store.items import check_depth

from .base import ModelForm
from .formatting import payload_block, pretty_json

MAX_EDITABLE = 100_000
"""Longer values are shown only: browsers and the limit of a request make editing them a gamble."""


class StoredJSONField(forms.CharField):
    """JSON text: shown with indentation, kept without, refused with the reason and its position."""

    widget = forms.Textarea(attrs={"class": "vLargeTextField iii-code", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Return the text for the text area; what is no JSON stays as it was typed."""
        try:
            return pretty_json(from_json(value)) if value else value
        except (IiiError, TypeError, ValueError, RecursionError):
            return value

    def to_python(self, value: Any) -> str:
        """Return the JSON to keep. Raise ValidationError."""
        text = super().to_python(value) or ""
        if not text:
            return text
        try:
            parsed = from_json(text)
            check_depth(parsed)
        except IiiError as error:
            reason = json_error(text) or error.message
            message = _("This is not valid JSON: %(reason)s")
            raise ValidationError(message, code="invalid", params={"reason": reason}) from error
        return to_json(parsed).decode()

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what the texts mean."""
        try:
            return _canonical(initial) != _canonical(data)
        except (TypeError, ValueError, RecursionError):
            return True


class StoredValueForm(ModelForm[Any]):
    """A row with a ``value``; it is not written over what came after the page was opened."""

    value = StoredJSONField(label=_("Value"), help_text=_("JSON."))
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:
            return
        if is_editable(self.instance):
            self.initial["seen"] = fingerprint(self.instance.value)
        else:
            # Its page has no text area: nothing is asked for, and nothing is taken.
            del self.fields["value"], self.fields["seen"]

    def clean(self) -> dict[str, Any] | None:
        """Refuse to overwrite a value that nobody has seen here."""
        cleaned = super().clean()
        if self.instance.pk is not None and "seen" in self.fields and self._is_stale():
            self.add_error(
                "value",
                _("It was changed meanwhile. Open the page again to see what it is now."),
            )
        return cleaned

    def _is_stale(self) -> bool:
        rows = type(self.instance)._default_manager.filter(pk=self.instance.pk)
        stored = rows.values_list("value", flat=True).first()
        return stored is None or fingerprint(stored) != self.cleaned_data.get("seen")


def fingerprint(text: str) -> str:
    """Return what tells a value from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_editable(row: models.Model | None) -> bool:
    """Tell whether the value of a row is short enough for a text area."""
    return row is None or len(getattr(row, "value", "")) <= MAX_EDITABLE


def value_block(row: models.Model) -> SafeString:
    """Return the value of a row for those who may not edit it; a long one is cut."""
    return payload_block(getattr(row, "value", ""))


def _canonical(text: str) -> str:
    """Return a text that tells values apart: to Python, ``1``, ``1.0`` and ``True`` are equal."""
    return json.dumps(json.loads(text), sort_keys=True)
