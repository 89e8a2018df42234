"""Which kind of field a rule asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .choices import choices_of
from .nodes import Kind, Limits

MAX_BOXES = 20
LONG_TEXT = 4000
"""Texts that may have more characters get a field of several lines."""

SCALARS: dict[str, Kind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}
HINTS = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "object": ("properties",),
    "array": ("items",),
    "number": ("minimum", "maximum", "multipleOf"),
}
"""What tells the type where a rule does not name it."""


def kind_of(rule: Mapping[str, Any]) -> Kind:
    """Return the kind of a rule that was resolved; ``json`` for what has no field of its own."""
    if choices_of(rule):
        return "choice"
    type_ = type_of(rule)
    if type_ == "string":
        return "long_text" if _is_long(rule) else "text"
    if type_ == "object":
        return "group" if isinstance(rule.get("properties"), dict) else "json"
    return SCALARS.get(type_, "json")


def type_of(rule: Mapping[str, Any]) -> str:
    """Return the one type of a rule, null aside; nothing if there are several or none."""
    named = rule.get("type")
    types = [type_ for type_ in named if type_ != "null"] if isinstance(named, list) else [named]
    if len(types) == 1 and isinstance(types[0], str):
        return types[0]
    if named is not None:
        return ""
    return next((type_ for type_, keys in HINTS.items() if any(key in rule for key in keys)), "")


def list_kind(items: Mapping[str, Any]) -> tuple[Kind, Kind]:
    """Return the kind of a list, and that of its items, from the rule of the items."""
    kind = kind_of(items)
    choices = choices_of(items)
    if choices and len(choices) <= MAX_BOXES:
        return "choices", "choice"
    if choices and all(isinstance(choice.value, str) for choice in choices):
        return "lines", "text"
    return ("lines", kind) if kind in ("text", "integer", "number") else ("json", "json")


def limits_of(rule: Mapping[str, Any]) -> Limits:
    """Return what a rule says about numbers and lengths, as far as it makes sense."""
    format_ = rule.get("format")
    return Limits(
        minimum=_number(rule.get("minimum")),
        maximum=_number(rule.get("maximum")),
        step=_number(rule.get("multipleOf"), above=0),
        min_length=_length(rule.get("minLength")),
        max_length=_length(rule.get("maxLength")),
        format=format_ if isinstance(format_, str) else "",
    )


def _is_long(rule: Mapping[str, Any]) -> bool:
    longest = _length(rule.get("maxLength")) or 0
    return longest > LONG_TEXT or rule.get("format") in ("multiline", "textarea", "markdown")


def _number(value: Any, *, above: float = -math.inf) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and above < value and abs(value) <= 2**63 else None


def _length(value: Any) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value < 2**31 else None
