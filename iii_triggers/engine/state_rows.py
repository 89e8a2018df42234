"""Writes what became of triggers of the site: many of them in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iii_triggers.models import Trigger

ROWS_AT_ONCE = 500
"""A statement with more parameters is none on every SQLite."""


@dataclass(frozen=True, slots=True)
class StateWrite:
    """The state of one trigger, and the error if it has one."""

    pk: int
    state: str
    error: str

    def __call__(self) -> None:
        """Write this row alone."""
        write_states([self])


def write_states(writes: Sequence[StateWrite]) -> None:
    """Write the states of triggers that are enabled."""
    keys: dict[tuple[str, str], list[int]] = {}
    for write in writes:
        keys.setdefault((write.state, write.error), []).append(write.pk)
    for (state, error), pks in keys.items():
        for start in range(0, len(pks), ROWS_AT_ONCE):
            rows = Trigger.objects.filter(pk__in=pks[start : start + ROWS_AT_ONCE], enabled=True)
            rows.update(state=state, error=error)
