"""What a process weighs, as the system tells."""

from __future__ import annotations

import time
from pathlib import Path

PAGE_KB = 4
PAUSE_S = 0.25


def rss_kb(pid: int) -> int:
    """Return the resident memory of a process that runs."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KB


def steady_kb(pid: int, *, settling_s: float) -> int:
    """Return the least that a process weighs within the time given to settle."""
    deadline = time.monotonic() + settling_s
    least = rss_kb(pid)
    while time.monotonic() < deadline:
        time.sleep(PAUSE_S)
        least = min(least, rss_kb(pid))
    return least
