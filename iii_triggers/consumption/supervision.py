"""A thread whose work is begun again, should it end by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal, Protocol

from django.db import connections

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 30.0
WELL_AFTER_S = 60.0
"""After running for so long the next end counts as the first."""

State = Literal["running", "restarting", "stopped"]


class Work(Protocol):
    """What runs in the thread; made anew for each try."""

    def run(self) -> None:
        """Work until told to stop."""

    def stop(self) -> None:
        """Have ``run`` return; called from another thread."""


class Supervised:
    """Runs work in a thread until it is stopped."""

    def __init__(
        self, name: str, make: Callable[[], Work], *, pause_s: float = FIRST_PAUSE_S
    ) -> None:
        self.name = name
        self.state: State = "stopped"
        self._make = make
        self._first_pause_s = pause_s
        self._work: Work | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"iii-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self.state = "running"
        self._thread.start()

    def begin_stop(self) -> None:
        """Tell the work to stop; return at once."""
        with self._lock:
            self._stopping.set()
            work = self._work
        if work is not None:
            work.stop()

    def wait_stopped(self, timeout_s: float) -> bool:
        """Wait for the end of the thread; tell whether it came in time."""
        self._thread.join(max(timeout_s, 0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = self._first_pause_s
        while not self._stopping.is_set():
            began = time.monotonic()
            self._work_once()
            if self._stopping.is_set():
                break
            self.state = "restarting"
            if time.monotonic() - began > WELL_AFTER_S:
                pause_s = self._first_pause_s
            logger.error("The %s ended; it starts again in %g s.", self.name, pause_s)
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
        self.state = "stopped"

    def _work_once(self) -> None:
        try:
            work = self._make()
            with self._lock:
                if self._stopping.is_set():
                    return
                self._work = work
            self.state = "running"
            work.run()
        except Exception:
            logger.exception("The %s failed.", self.name)
        finally:
            self._work = None
            connections.close_all()
