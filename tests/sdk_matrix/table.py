"""The outcome: a version x feature table and the reasons under it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

PASS, FAIL, LACKS = "pass", "FAIL", "-"


@dataclass(slots=True)
class Row:
    """The cells of one version; ``reasons`` says why a cell is not ``pass``."""

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def set(self, feature: str, mark: str, reason: str = "") -> None:
        """Fill one cell."""
        self.cells[feature] = mark
        if reason:
            self.reasons[feature] = reason


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, in the order of the versions."""

    features: list[str]
    rows: list[Row]
    unavailable: list[str] = field(default_factory=list)
    """Why versions have no row: this machine cannot have them."""

    @property
    def failures(self) -> list[str]:
        """A text for every cell that failed."""
        return [
            f"{row.name} {feature}: {row.reasons.get(feature, 'not tried')}"
            for row in self.rows
            for feature, mark in zip(self.features, self._marks(row), strict=True)
            if mark == FAIL
        ]

    def __str__(self) -> str:
        return "\n".join(
            [*self._lines(), "", *self._lacking(), *self.unavailable, *self.failures, self._sum()]
        )

    def _lines(self) -> Iterator[str]:
        width = max((len(row.name) for row in self.rows), default=0) + 2
        widths = [max(len(feature), 4) + 2 for feature in self.features]
        for name, cells in [
            ("", self.features),
            *((row.name, self._marks(row)) for row in self.rows),
        ]:
            columns = zip(cells, widths, strict=True)
            yield (name.ljust(width) + "".join(cell.ljust(size) for cell, size in columns)).rstrip()

    def _marks(self, row: Row) -> list[str]:
        return [row.cells.get(feature, FAIL) for feature in self.features]

    def _lacking(self) -> Iterator[str]:
        """Yield each reason for a cell that is not offered, once."""
        reasons = {
            (row.name.split("-")[0], feature, row.reasons[feature])
            for row in self.rows
            for feature, mark in row.cells.items()
            if mark == LACKS
        }
        for registry, feature, reason in sorted(reasons):
            yield f"- {registry} {feature}: {reason}"

    def _sum(self) -> str:
        marks = [mark for row in self.rows for mark in self._marks(row)]
        return (
            f"{len(self.rows)} versions, {len(marks)} cells: {marks.count(PASS)} pass, "
            f"{marks.count(FAIL)} FAIL, {marks.count(LACKS)} not offered"
        )
