"""What applying a file would change: values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from iii_triggers.models import Trigger, TriggerType

from .exporting import tidy
from .problems import Path
from .values import FileTrigger, FileType

Action = Literal["create", "update", "delete"]
Item = FileType | FileTrigger
Row = TriggerType | Trigger

ABSENT = object()
"""Stands for a key that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One value that changes, however deep it lies; ``ABSENT`` is no value."""

    path: Path
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row that is created, updated or deleted."""

    action: Action
    item: Item
    """What shall be there, or what was."""
    row: Row | None = None
    """None for one that is to be created."""
    edits: Sequence[Edit] = ()

    @property
    def fields(self) -> list[str]:
        """The fields of the item that an update sets."""
        return list(dict.fromkeys(str(edit.path[0]) for edit in self.edits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is to be done, in the order in which to do it."""

    changes: Sequence[Change]
    unchanged: int
    unnamed: int
    """Rows of the managed sources that the file does not name, and that stay."""

    def count(self, action: Action) -> int:
        """Return how many rows are created, updated or deleted."""
        return sum(change.action == action for change in self.changes)


def edits_between(before: Item, after: Item) -> list[Edit]:
    """Return what differs between an item as it is and as it shall be."""
    names = [field.name for field in fields(before) if field.compare]
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in names)
    return [edit for name, old, new in pairs for edit in _edits((name,), tidy(old), tidy(new))]


def _edits(path: Path, before: Any, after: Any) -> Iterator[Edit]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            old, new = before.get(key, ABSENT), after.get(key, ABSENT)
            yield from _edits((*path, key), old, new)
    elif not _is_same(before, after):
        yield Edit(path=path, before=before, after=after)


def _is_same(before: Any, after: Any) -> bool:
    """Compare as JSON does: ``true`` is not 1."""
    if ABSENT in (before, after):
        return before is after
    return before == after and json.dumps(before) == json.dumps(after)
