"""What the history costs, as lines for people; the structs are the JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median

import msgspec

from benchmarks.load import Measurement

from .plan import RATIO_AIM


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One load on one engine."""

    load: Measurement
    written_s: float
    """Seconds from the end of the load until the last run had its row."""
    cpu_us: float
    """What the engine computed for a request, the writing of its row included."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One way to a function on one database, round by round."""

    database: str
    label: str
    without: list[Round] = []
    with_it: list[Round] = []

    @property
    def ratios(self) -> list[float]:
        """Requests/s with the history, as a share of those without."""
        return [
            on.load.requests_per_s / max(off.load.requests_per_s, 1.0)
            for on, off in zip(self.with_it, self.without, strict=True)
        ]

    @property
    def statuses(self) -> Counter[str]:
        """How often each status was answered."""
        counts: Counter[str] = Counter()
        for one in [*self.without, *self.with_it]:
            counts.update(one.load.statuses)
        return counts

    def line(self) -> str:
        """Return the row of the table."""
        line = f"{self.database + ', ' + self.label:<38}"
        for rounds in (self.without, self.with_it):
            line += f" {median(one.load.requests_per_s for one in rounds):>8,.0f}"
        ratios = self.ratios
        line += f" {min(ratios):>8.2f}/{median(ratios):.2f}/{max(ratios):.2f}"
        for rounds in (self.without, self.with_it):
            line += f" {median(one.cpu_us for one in rounds):>8,.0f}"
        line += f" {median(one.written_s for one in self.with_it):>8.1f}"
        return line + f", aim {RATIO_AIM:g}: {'met' if median(ratios) >= RATIO_AIM else 'NOT MET'}"


class HistoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured about the history in one run."""

    comparisons: list[Comparison] = []
    skipped: list[str] = []
    """What was not measured, and why."""

    def failures(self) -> list[str]:
        """Name what was answered with anything but 200."""
        return [
            f"history, {one.database}, {one.label}: {dict(one.statuses)}"
            for one in self.comparisons
            if set(one.statuses) != {"200"}
        ]

    def lines(self) -> Iterator[str]:
        """Yield the table, line by line."""
        if self.comparisons:
            head = f"{'history off and on, medians':<38} {'off/s':>8} {'on/s':>8}"
            head += f" {'ratio min/med/max':>18} {'off us':>8} {'on us':>8} {'behind s':>8}"
            yield from ("", head)
        yield from (one.line() for one in self.comparisons)
        yield from (f"not measured: {reason}" for reason in self.skipped)
