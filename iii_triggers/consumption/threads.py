"""A thread that repeats a piece of database work until it is told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import connections

from iii_triggers.engine.database import close_broken

logger = logging.getLogger(__name__)

MAX_PAUSE_S = 10.0
MAX_DOUBLINGS = 10
STOP_TIMEOUT_S = 5.0


class RepeatingThread:
    """Does a step, pauses, and does it again; a step that fails is tried again, ever later.

    Where processes may be forked at any time its database connections are closed after each step:
    they must not be shared.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        *,
        interval: Callable[[], float],
        is_forking: bool,
    ) -> None:
        self._step = step
        self._interval = interval
        self._is_forking = is_forking
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with the first step."""
        self._thread.start()

    def poke(self) -> None:
        """Do the next step now."""
        self._wake.set()

    def stop(self) -> None:
        """Let the running step end, for a few seconds at most, and start no other."""
        self._stopping = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        failures = 0
        while not self._stopping:
            self._wake.clear()
            failures = 0 if self._succeeds(failures) else failures + 1
            if self._is_forking:
                connections.close_all()
            if not self._stopping:
                self._wake.wait(self._pause_s(failures))
        connections.close_all()

    def _pause_s(self, failures: int) -> float:
        pause_s = self._interval()
        longest_s = max(pause_s, MAX_PAUSE_S)
        return min(pause_s * float(2 ** min(failures, MAX_DOUBLINGS)), longest_s)

    def _succeeds(self, failures: int) -> bool:
        """Do the step; log the first failure of a row with its traceback, and their end."""
        try:
            close_broken(was_idle=True)
            self._step()
        except Exception as error:
            if failures:
                logger.warning("%s fails: %s", self._thread.name, error)
            else:
                logger.exception("%s failed; it is tried again.", self._thread.name)
            return False
        if failures:
            logger.info("%s works again.", self._thread.name)
        return True
