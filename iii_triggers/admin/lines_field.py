"""A list that people write one item a line."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class LinesField(forms.CharField):
    """A list of ids, one a line."""

    widget = forms.Textarea(
        attrs={"class": "vLargeTextField iii-code", "rows": 4, "spellcheck": "false"}
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "widget": self.widget, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        """Return the text for the text area."""
        return "\n".join(map(self.line_of, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Return the items of the lines. Raise ValidationError."""
        lines = (line.strip() for line in str(value or "").splitlines())
        return [self.item_of(line) for line in lines if line]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what the lines mean."""
        try:
            return bool((initial or []) != self.to_python(data))
        except ValidationError:
            return True

    def line_of(self, item: Any) -> str:
        """Return the line of an item."""
        return str(item)

    def item_of(self, line: str) -> Any:
        """Return the item of a line. Raise ValidationError."""
        return line
