"""What is to be plotted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

STYLES = 7
"""How many styles of lines there are; each has a colour and dashes of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line."""

    name: str
    style: int
    """From 0 to ``STYLES - 1``; the last one is grey, for what is none of the others."""
    values: tuple[float | None, ...]
    """One for each time of the plot; None leaves a gap."""
    overall: float | None = None
    """The value for all times together; None for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Lines over time."""

    id: str
    """Unique on the page; of letters, digits and dashes."""
    title: str
    times: tuple[datetime, ...]
    """Where each value stands; with a time zone, ascending."""
    since: datetime
    until: datetime
    series: tuple[Series, ...]
    shown: Callable[[float], str]
    """Writes a value with its unit."""
    is_log: bool = False
    """For values that differ by orders of magnitude; those that are not above 0 are left out."""
    least_top: float = 1.0
    """The axis goes up to this at least, so that small values do not look like large ones."""

    @property
    def values(self) -> list[float]:
        """Every value that is there."""
        return [value for line in self.series for value in line.values if value is not None]
