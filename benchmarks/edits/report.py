"""How soon edits served, as lines for people; the structs are the JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import msgspec


class Edits(msgspec.Struct, frozen=True, kw_only=True):
    """Edits under one condition."""

    label: str
    within_ms: float
    """What is aimed at."""
    saving_ms: list[float] = []
    """How long each form took to be answered."""
    serving_ms: list[float] = []
    """From then until the last of the other processes served the edit; 0 if it was sooner."""

    @property
    def late(self) -> int:
        """How many served later than is aimed at."""
        return sum(one > self.within_ms for one in self.serving_ms)

    def line(self) -> str:
        """Return the row of the table."""
        line = f"{self.label:<38} {len(self.serving_ms):>6}"
        line += f" {_spread(self.saving_ms):>20} {_spread(self.serving_ms):>20} {self.late:>6}"
        return line + f", aim 0 over {self.within_ms:,.0f} ms: {'NOT MET' if self.late else 'met'}"


class EditsReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured about edits in one run."""

    conditions: list[Edits] = []
    skipped: str = ""
    """Why nothing was measured."""

    def lines(self) -> Iterator[str]:
        """Yield the table, line by line."""
        if self.conditions:
            head = f"{'edits on one of 3 processes, ms':<38} {'edits':>6}"
            yield from ("", f"{head} {'saving min/med/max':>20} {'serving everywhere':>20} late")
        yield from (one.line() for one in self.conditions)
        if self.skipped:
            yield f"not measured: {self.skipped}"


def _spread(values: list[float]) -> str:
    if not values:
        return "-"
    return f"{min(values):,.0f}/{median(values):,.0f}/{max(values):,.0f}"
