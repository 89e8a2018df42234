"""Whether a field can show what is stored; where it cannot, JSON can."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from .choices import MAX_CHOICE, choice_text, is_sendable
from .nodes import Choice, Kind, Node
from .texts import shown

MAX_LINE = 1000
"""Characters of a text in one line; a longer one gets several."""


def fitted(nodes: Sequence[Node], values: Any) -> tuple[Node, ...]:
    """Return the nodes as they can show ``values``, an object; what is not there fits always."""
    stored = values if isinstance(values, dict) else {}
    return tuple(_fitted(node, stored.get(node.key)) for node in nodes)


def _fitted(node: Node, value: Any) -> Node:
    if node.kind == "group":
        if value is None or isinstance(value, dict):
            return replace(node, children=fitted(node.children, value))
        return replace(node, kind="json", children=())
    if value is None or _fits(node, value):
        return node
    if node.kind == "text" and isinstance(value, str):
        return replace(node, kind="long_text")
    if node.kind == "choice" and (added := _as_choice(value, beside=node.choices)):
        return replace(node, choices=(*node.choices, added))
    return replace(node, kind="json", choices=())


def _fits(node: Node, value: Any) -> bool:
    if node.kind == "choice":
        return choice_for(node.choices, value) is not None
    if node.kind in ("choices", "lines"):
        return isinstance(value, list) and _items_fit(node, value)
    if node.kind == "text" and node.limits.format == "date":
        return _is_date(value)
    return _is_of(node.kind, value)


def _items_fit(node: Node, items: list[Any]) -> bool:
    if node.kind == "choices":
        chosen = [choice_for(node.choices, item) for item in items]
        texts = {choice.text for choice in chosen if choice is not None}
        return len(texts) == len(items)
    return all(item != "" and _is_of(node.items, item) for item in items)


def choice_for(choices: Sequence[Choice], value: Any) -> Choice | None:
    """Return the choice that stands for ``value``; to Python, 1 and true would be equal."""
    text = choice_text(value)
    return next((choice for choice in choices if choice_text(choice.value) == text), None)


def _is_of(kind: Kind, value: Any) -> bool:
    """Tell whether a value is one of a scalar kind; ``json`` takes every value."""
    if kind == "text":
        return isinstance(value, str) and _is_line(value)
    if kind == "long_text":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and _is_plain(value, whole=kind == "integer")
    return kind == "json"


def _is_line(text: str) -> bool:
    """Tell whether a field of one line gives a text back as it was: most drop blanks around it."""
    return text.isprintable() and text.strip() == text and len(text) <= MAX_LINE


def _is_plain(number: float, *, whole: bool) -> bool:
    is_finite = abs(number) < 2**63 and math.isfinite(number)
    return is_finite and (not whole or number == int(number))


def _is_date(value: Any) -> bool:
    """Tell whether a browser's date field shows ``value``: it shows nothing for other texts."""
    try:
        return date.fromisoformat(value).isoformat() == str(value)
    except (TypeError, ValueError):
        return False


def _as_choice(value: Any, *, beside: Sequence[Choice]) -> Choice | None:
    """Return a choice for ``value``; None for a long one, or one that reads like another."""
    text = value if is_sendable(value) else choice_text(value)
    is_taken = any(choice.text == text for choice in beside)
    if is_taken or isinstance(value, (dict, list)) or not 0 < len(choice_text(value)) <= MAX_CHOICE:
        return None
    return Choice(value=value, text=text, label=shown(value))


def value_at(values: Any, path: Sequence[str]) -> Any:
    """Return what stands at a path; None for nothing."""
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values
