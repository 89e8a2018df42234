"""JSON that people type."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _

from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import IiiError, MalformedFrame
from iii_triggers.protocol.json_values import check_json, json_error

from .formatting import pretty_json


class JSONTextField(forms.JSONField):
    """JSON in a text area: shown with indentation, refused with the reason and its position."""

    widget = forms.Textarea(attrs={"class": "vLargeTextField iii-code", "spellcheck": "false"})

    def __init__(self, **kwargs: Any) -> None:
        # The admin has one widget for every text area; ours is for code.
        super().__init__(**{**kwargs, "widget": self.widget})

    def to_python(self, value: Any) -> Any:
        """Return the value of the text; None for nothing. Raise ValidationError."""
        if self.disabled or not isinstance(value, str):
            return super().to_python(value)
        text = value.strip()
        if not text:
            return None
        try:
            return _parse(text)
        except MalformedFrame as error:
            raise ValidationError(
                _("This is not valid JSON: %(reason)s"),
                code="invalid",
                params={"reason": json_error(value) or error.message},
            ) from error
        except IiiError as error:
            raise ValidationError(error.message, code="unfit") from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the browser sent; text that is refused comes back as it was typed."""
        if self.disabled:
            return initial
        try:
            return _parse(data)
        except IiiError:
            return InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> Any:
        """Return the text for the text area."""
        if isinstance(value, InvalidJSONInput):
            return value
        return "" if value is None else pretty_json(value)


def _parse(text: str | None) -> Any:
    parsed = from_json(text)
    check_json(parsed)
    return parsed
