"""The values that a rule lists: ``enum``, ``const``, or a choice between constants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .nodes import Choice
from .texts import plain, shown

MAX_CHOICES = 200
MAX_CHOICE = 200
"""Characters of one choice. What has more choices, or longer ones, is typed."""


def choices_of(rule: Mapping[str, Any]) -> tuple[Choice, ...]:
    """Return the choices of a rule; none if it lists no values, or too many. Null is no choice."""
    labelled = [(value, label) for value, label in _labelled(rule) if value is not None]
    if not 0 < len(labelled) <= MAX_CHOICES:
        return ()
    is_text = all(is_sendable(value) for value, _label in labelled)
    choices = {}
    for value, label in labelled:
        text = value if is_text else choice_text(value)
        choices[text] = Choice(value=value, text=text, label=label or shown(value))
    return tuple(choices.values()) if all(0 < len(text) <= MAX_CHOICE for text in choices) else ()


def choice_text(value: Any) -> str:
    """Return JSON of ASCII alone, which comes back from every browser as it was."""
    try:
        return json.dumps(value)
    except (RecursionError, TypeError, ValueError):
        return ""


def is_sendable(value: Any) -> bool:
    """Tell whether a browser sends ``value`` back as it is."""
    return isinstance(value, str) and value.isprintable() and value.strip() == value != ""


def _labelled(rule: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """Return the values and their titles; the first ones of very many."""
    if "const" in rule:
        return [(rule["const"], "")]
    if isinstance(rule.get("enum"), list):
        beginning = rule["enum"][: MAX_CHOICES + 1]
        return [(value, "") for value in beginning]
    for keyword in ("oneOf", "anyOf"):
        branches = rule.get(keyword)
        if isinstance(branches, list) and all(map(_is_constant, branches[: MAX_CHOICES + 1])):
            constants = branches[: MAX_CHOICES + 1]
            return [(branch["const"], plain(branch.get("title"))) for branch in constants]
    return []


def _is_constant(branch: Any) -> bool:
    return isinstance(branch, dict) and "const" in branch
