"""A Django field for each kind of key.

A field turns text into JSON and says when it cannot. Whether the value is one that the type
accepts, is for the validator of the type to say. An empty field gives None or an empty list.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from iii_triggers.admin.function_field import LIST_ID
from iii_triggers.admin.json_fields import JSONTextField
from iii_triggers.admin.lines_field import LinesField

from .choices import choice_text
from .fitting import choice_for
from .nodes import Choice, Kind, Node

INPUT_TYPES = {"email": "email", "uri": "url", "date": "date"}
MAX_NUMBER = 2**63
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


def field_of(node: Node) -> forms.Field:
    """Return the field of a node that is no group."""
    field = _MAKERS[node.kind](node)
    field.label = node.title
    # The template writes the help; this ties the field to it.
    field.help_text = node.description or node.dotted
    if node.required:
        field.widget.attrs["aria-required"] = "true"
    return field


class TextField(forms.CharField):
    """Text; one that comes back as it was shown is the one that is stored."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the texts; browsers change the ends of lines."""
        return _unix(initial or "") != _unix(data or "")

    def to_python(self, value: Any) -> Any:
        """Return the text, None for nothing."""
        return super().to_python(_unix(value or "")) or None


class NumberField(forms.CharField):
    """A number: a whole one stays one."""

    widget = forms.NumberInput

    def __init__(self, *, whole: bool, **kwargs: Any) -> None:
        self.whole = whole
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        """Return the number, None for nothing. Raise ValidationError."""
        text = super().to_python(value)
        number = number_in(text) if text else None
        if text and (number is None or (self.whole and number != int(number))):
            message = _("Enter a whole number.") if self.whole else _("Enter a number.")
            raise ValidationError(message, code="invalid")
        return int(number) if self.whole and number is not None else number

    def run_validators(self, value: Any) -> None:
        """A number is no text to look for odd characters in."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the numbers."""
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class PickField(forms.ChoiceField):
    """One of the values of a node, of any JSON type."""

    def __init__(self, *, node: Node, **kwargs: Any) -> None:
        self.node = node
        listed = [(choice.text, choice.label) for choice in node.choices]
        super().__init__(choices=[*_nothing(node), *listed], **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return what stands for the value in the page; what was posted stays as it is."""
        choice = choice_for(self.node.choices, value)
        return value if choice is None else choice.text

    def clean(self, value: Any) -> Any:
        """Return the value, None for nothing. Raise ValidationError."""
        text = super().clean(value)
        return next((choice.value for choice in self.node.choices if choice.text == text), None)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what stands for the values."""
        shown = "" if initial is None else self.prepare_value(initial)
        return bool(shown != (data or ""))


class PickManyField(forms.MultipleChoiceField):
    """Some of the values of a node."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, *, node: Node, **kwargs: Any) -> None:
        self.node = node
        listed = [(choice.text, choice.label) for choice in node.choices]
        super().__init__(choices=listed, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return what stands for the values in the page; what was posted stays as it is."""
        items = value if isinstance(value, list) else []
        chosen = [(choice_for(self.node.choices, item), item) for item in items]
        return [item if choice is None else choice.text for choice, item in chosen]

    def clean(self, value: Any) -> Any:
        """Return the values, in the order of the schema. Raise ValidationError."""
        texts = super().clean(value)
        return [choice.value for choice in self.node.choices if choice.text in texts]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what stands for the values, in any order."""
        return set(self.prepare_value(initial)) != set(data or [])


class ItemsField(LinesField):
    """A list of texts or numbers, one a line."""

    def __init__(self, *, items: Kind, **kwargs: Any) -> None:
        self.items = items
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        """Return the items of the lines. Raise ValidationError."""
        if "\0" in str(value or ""):
            raise ValidationError(_("Null characters are not allowed."), code="null")
        return super().to_python(value)

    def item_of(self, line: str) -> Any:
        """Return the item of a line. Raise ValidationError."""
        if self.items == "text":
            return line
        number = number_in(line)
        if number is None or (self.items == "integer" and number != int(number)):
            raise ValidationError(_("“%(line)s” is no such number."), params={"line": line})
        return int(number) if self.items == "integer" else number


class JSONKeyField(JSONTextField):
    """JSON, in which null is not the same as nothing."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the values; null that was typed is one."""
        return _is_null(data) or super().has_changed(initial, data)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what was entered; null comes back as it was typed."""
        return InvalidJSONInput(data) if _is_null(data) else super().bound_data(data, initial)


def number_in(text: str) -> float | None:
    """Return the number that ``text`` is, whole if it is written so; None if it is none."""
    for read in (int, float) if _NUMBER.fullmatch(text) else ():
        try:
            number: float = read(text)
        except ValueError:
            continue
        return number if math.isfinite(number) and abs(number) < MAX_NUMBER else None
    return None


def _is_null(data: Any) -> bool:
    return str(data).strip() == "null"


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _nothing(node: Node) -> list[tuple[str, str]]:
    """Return the choice of nothing; a constant that every config must have leaves no choice."""
    if node.required and len(node.choices) == len(node.path) == 1:
        return []
    if node.default:
        return [("", gettext("not set (default: %s)") % node.default)]
    return [("", gettext("not set"))]


def _text(node: Node) -> forms.Field:
    limits = node.limits
    attrs = {"class": "vTextField", "minlength": limits.min_length, "maxlength": limits.max_length}
    suggested = LIST_ID if node.key.endswith("function_id") else None
    widget = forms.TextInput(attrs=_given(placeholder=node.default, list=suggested, **attrs))
    widget.input_type = INPUT_TYPES.get(limits.format, "text")
    return TextField(required=False, widget=widget)


def _long_text(node: Node) -> forms.Field:
    widget = forms.Textarea(attrs={"class": "vLargeTextField", "rows": 4})
    return TextField(required=False, widget=widget, strip=False)


def _number(node: Node) -> forms.Field:
    limits, whole = node.limits, node.kind == "integer"
    least = math.ceil(limits.minimum) if whole and limits.minimum is not None else limits.minimum
    # A browser counts its steps from the least number, a schema from 0.
    step = limits.step if limits.step and (least or 0) % limits.step == 0 else None
    attrs = _given(
        placeholder=node.default,
        min=least,
        max=limits.maximum,
        step=step or (1 if whole else "any"),
    )
    field = NumberField(whole=whole, required=False)
    field.widget.attrs.update(attrs)
    return field


def _boolean(node: Node) -> forms.Field:
    """Return a box where empty can only mean no, else a choice that can be left open."""
    if node.default_value is False or node.required:
        return forms.BooleanField(required=False)
    return PickField(node=_yes_or_no(node), required=False)


def _yes_or_no(node: Node) -> Node:
    labels = {True: gettext("yes"), False: gettext("no")}
    choices = (
        Choice(value=value, text=choice_text(value), label=label) for value, label in labels.items()
    )
    default = labels[True] if node.default_value is True else ""
    return replace(node, choices=tuple(choices), default=default)


def _choice(node: Node) -> forms.Field:
    return PickField(node=node, required=False)


def _choices(node: Node) -> forms.Field:
    return PickManyField(node=node, required=False)


def _lines(node: Node) -> forms.Field:
    return ItemsField(items=node.items, required=False)


def _json(node: Node) -> forms.Field:
    field = JSONKeyField(required=False)
    field.widget.attrs["rows"] = 4
    return field


def _given(**attrs: Any) -> dict[str, Any]:
    return {name: value for name, value in attrs.items() if value not in (None, "")}


_MAKERS: dict[Kind, Callable[[Node], forms.Field]] = {
    "text": _text,
    "long_text": _long_text,
    "integer": _number,
    "number": _number,
    "boolean": _boolean,
    "choice": _choice,
    "choices": _choices,
    "lines": _lines,
    "json": _json,
}
