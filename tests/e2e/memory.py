"""How much memory a process has, watched while something happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAMPLE_S = 0.01


class Watched:
    """The resident memory of a process, in bytes: at the start, and the most since then."""

    def __init__(self, pid: int) -> None:
        self._path = Path(f"/proc/{pid}/status")
        self.before = self.peak = self.now()

    @property
    def growth_mib(self) -> float:
        """By how much the most is more than it was at the start."""
        return (self.peak - self.before) / 2**20

    def now(self) -> int:
        """Return the resident memory."""
        line = next(x for x in self._path.read_text().splitlines() if x.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def sample(self) -> None:
        """Look once."""
        self.peak = max(self.peak, self.now())


@contextmanager
def watched(pid: int) -> Iterator[Watched]:
    """Watch a process every 10 ms."""
    memory, done = Watched(pid), threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_S):
            memory.sample()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield memory
    finally:
        done.set()
        watcher.join()
        memory.sample()
