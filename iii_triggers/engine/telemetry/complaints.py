"""Losses that may be many: counted, and told in one line of the log a minute."""

from __future__ import annotations

import logging
import time

INTERVAL_S = 60.0


class Complaints:
    """Counts what was lost."""

    def __init__(self, logger: logging.Logger, text: str) -> None:
        self.total = 0
        self._logger = logger
        self._text = text
        self._told = 0
        self._told_at: float | None = None

    def add(self, reason: str = "", *, count: int = 1) -> None:
        """Note a loss; the line gets the number since the last one, and the reason."""
        self.total += count
        now = time.monotonic()
        if self._told_at is None or now - self._told_at >= INTERVAL_S:
            self._logger.warning(self._text, self.total - self._told, reason)
            self._told, self._told_at = self.total, now
