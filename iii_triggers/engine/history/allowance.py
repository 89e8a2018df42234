"""How many runs of a second may keep their input and output."""

from __future__ import annotations

import time
from dataclasses import dataclass

from iii_triggers.conf import settings


@dataclass(slots=True)
class PayloadAllowance:
    """Counts to ``III_HISTORY_PAYLOADS_PER_S`` in each second."""

    _second: int = 0
    _taken: int = 0

    @property
    def is_used_up(self) -> bool:
        """Whether no more are granted in this second."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._taken = second, 0
        return self._taken >= settings.III_HISTORY_PAYLOADS_PER_S

    def take(self) -> bool:
        """Ask for one more; tell whether it is granted."""
        if self.is_used_up:
            return False
        self._taken += 1
        return True
