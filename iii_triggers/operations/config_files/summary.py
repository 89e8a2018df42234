"""A plan in words, like a diff: a line for each row, and one for each value that changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from iii_triggers.protocol.text import one_line

from .plans import ABSENT, Change, Edit, Plan
from .problems import path_text
from .values import HOME, FileTrigger

SIGNS = {"create": "+", "update": "~", "delete": "-"}
MAX_VALUE = 80


def lines_of(plan: Plan) -> Iterator[str]:
    """Yield the lines that tell what a plan changes; none when there is nothing to do."""
    for change in plan.changes:
        yield f"{SIGNS[change.action]} {_name(change)}"
        yield from (f"    {_edit(edit)}" for edit in change.edits)


def totals_of(plan: Plan, *, is_done: bool) -> str:
    """Return how many rows are created, changed and so on, in one line."""
    verbs = ("created", "changed", "deleted")
    words = verbs if is_done else [f"to be {verb}" for verb in verbs]
    counts = (plan.count("create"), plan.count("update"), plan.count("delete"))
    parts = [f"{count} {word}" for count, word in zip(counts, words, strict=True)]
    parts.append(f"{plan.unchanged} unchanged")
    if plan.unnamed:
        parts.append(f"{plan.unnamed} not in the file (--prune deletes them)")
    return ", ".join(parts)


def _name(change: Change) -> str:
    item = change.item
    place = "" if item.namespace == HOME else f"{item.namespace}/"
    if isinstance(item, FileTrigger):
        text = f"trigger {place}{item.id} ({item.trigger_type} → {item.function_id})"
    else:
        text = f"trigger type {place}{item.id}"
    return one_line(text)


def _edit(edit: Edit) -> str:
    return f"{path_text(edit.path)}: {_value(edit.before)} → {_value(edit.after)}"


def _value(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    text = one_line(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"
