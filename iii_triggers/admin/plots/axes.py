"""Axes: where a value stands, and at which values there is a tick."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

STEPS = (1, 2, 5, 10)
GAPS = 4
"""About how many gaps there are between the ticks of a linear axis."""
MANY_DECADES = 3
"""From so many on, only powers of ten have a tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """An axis for values from ``low`` to ``high``."""

    low: float
    high: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def place(self, value: float) -> float:
        """Return 0.0 for the low end, 1.0 for the high end; what is beyond stands at the end."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        inside = min(max(value, self.low), self.high)
        return (self._scaled(inside) - low) / (high - low)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.is_log else value


def linear_axis(values: Iterable[float], *, least_top: float = 1.0) -> Axis:
    """Return an axis from 0 to a round number at or above the highest value."""
    highest = max([least_top, *values])
    step = _round_step(highest / GAPS)
    gaps = math.ceil(round(highest / step, 6))
    return Axis(low=0.0, high=gaps * step, ticks=tuple(n * step for n in range(gaps + 1)))


def log_axis(values: Iterable[float]) -> Axis:
    """Return an axis over whole decades; values that are not above 0 do not count."""
    positive = [value for value in values if value > 0] or [1.0, 100.0]
    first = math.floor(math.log10(min(positive)))
    last = max(math.ceil(math.log10(max(positive))), first + 1)
    multiples = (1,) if last - first >= MANY_DECADES else (1, 2, 5)
    ticks = [10.0**decade * times for decade in range(first, last) for times in multiples]
    return Axis(low=10.0**first, high=10.0**last, ticks=(*ticks, 10.0**last), is_log=True)


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, … (or 0.1, 0.2, …) that is not below ``least``."""
    decade: float = 10.0 ** math.floor(math.log10(least))
    return next(step * decade for step in STEPS if step * decade >= least * (1 - 1e-9))
