"""How many runs of a second may keep their input and output."""

from __future__ import annotations

import time
from dataclasses import dataclass

from iii_triggers.conf import settings


@dataclass(slots=True)
class PayloadAllowance:
    """Counts to ``III_HISTORY_PAYLOADS_PER_S`` in each second."""

    used_up_until: float = 0.0
    """Until when no more are granted, by ``time.monotonic``."""
    _second: int = 0
    _taken: int = 0

    def take(self) -> bool:
        """Ask for one more; tell whether it is granted."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._taken = second, 0
        is_granted = self._taken < settings.III_HISTORY_PAYLOADS_PER_S
        self._taken += is_granted
        if not is_granted:
            self.used_up_until = second + 1.0
        return is_granted
