"""What several processes reach, as lines for people; the structs are the JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median

import msgspec

from benchmarks.load import Measurement


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """One thing measured against another, round by round."""

    label: str
    aim: float
    base: list[Measurement] = []
    other: list[Measurement] = []
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """How many times the requests/s of the base the other reached."""
        return [
            other.requests_per_s / max(base.requests_per_s, 1.0)
            for base, other in zip(self.base, self.other, strict=True)
        ]

    @property
    def statuses(self) -> Counter[str]:
        """How often each status was answered."""
        counts: Counter[str] = Counter()
        for one in [*self.base, *self.other]:
            counts.update(one.statuses)
        return counts

    def line(self) -> str:
        """Return the row of the table."""
        line = f"{self.label:<46}"
        for rounds in (self.base, self.other):
            line += f" {median(one.requests_per_s for one in rounds):>8,.0f}"
        ratios = self.ratios
        line += f" {min(ratios):>8.2f}/{median(ratios):.2f}/{max(ratios):.2f}"
        line += f", aim {self.aim:g}: {'met' if median(ratios) >= self.aim else 'NOT MET'}"
        return f"{line} ({self.note})" if self.note else line


class NodesReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured about several processes in one run."""

    pairs: list[Pairs] = []
    skipped: list[str] = []
    """What was not measured, and why."""

    def failures(self) -> list[str]:
        """Name what was answered with anything but 200."""
        return [
            f"nodes, {one.label}: {dict(one.statuses)}"
            for one in self.pairs
            if set(one.statuses) != {"200"}
        ]

    def lines(self) -> Iterator[str]:
        """Yield the table, line by line."""
        if self.pairs:
            head = f"{'several processes, PostgreSQL + Redis, medians':<46}"
            yield from ("", head + f" {'base/s':>8} {'other/s':>8} {'ratio min/med/max':>18}")
        yield from (one.line() for one in self.pairs)
        yield from (f"not measured: {reason}" for reason in self.skipped)
