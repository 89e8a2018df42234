"""How late the event loop is: a timer that is due now is run when what runs lets go of the loop."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

INTERVAL_S = 0.1
WINDOW_S = 30.0
"""Over how long the worst delay is remembered: longer than most pauses between two scrapes."""


def _window() -> deque[float]:
    return deque(maxlen=round(WINDOW_S / INTERVAL_S))


@dataclass(slots=True)
class LoopLag:
    """Measures whenever ``measure`` is called, which should be ``INTERVAL_S`` after the last."""

    _delays_s: deque[float] = field(default_factory=_window)
    _due_at: float | None = None

    @property
    def worst_s(self) -> float:
        """The longest delay of the last ``WINDOW_S``, in seconds."""
        return max(list(self._delays_s), default=0.0)

    async def measure(self) -> None:
        """Note how late this is."""
        now = asyncio.get_running_loop().time()
        if self._due_at is not None:
            self._delays_s.append(max(now - self._due_at, 0.0))
        self._due_at = now + INTERVAL_S
