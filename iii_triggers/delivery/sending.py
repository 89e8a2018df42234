"""Sends the Celery messages of deliveries from a thread of its own.

Who publishes never waits for the broker and never hears of its troubles: the row is there, and the
sweeper sends what was not sent.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from .broker import Broker, Message
from .celery_app import reaches_workers

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
MAX_BATCH = 500
IDLE_S = 30.0
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 5.0
EXIT_S = 3.0


class Sender:
    """Takes messages at once and sends them in order; drops what the broker does not take.

    While the broker is away nothing is taken: the thread looks for it, ever more rarely.
    """

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._ends_with_process = False
        self._thread: threading.Thread | None = None
        self._forget()

    @property
    def is_away(self) -> bool:
        """Whether the broker was away a moment ago; what is sent now is dropped."""
        return self._away and self._pid == os.getpid()

    def send(self, queue: str, delivery_id: str) -> None:
        """Have a Celery worker that consumes ``queue`` look at a delivery. Never raises or waits.

        Nothing is sent where no worker is reached (``reaches_workers``).
        """
        if self._pid != os.getpid():
            self._forget()
        with self._wake:
            if self._away or len(self._waiting) >= MAX_WAITING:
                return
            self._waiting.append((queue, delivery_id))
            if self._thread is None:
                self._start()
            elif not self._busy:
                self._wake.notify_all()

    def flush(self, timeout_s: float = EXIT_S) -> bool:
        """Wait until all is sent or dropped; tell whether that happened in time."""
        if self._pid != os.getpid():
            return True
        with self._wake:
            return self._wake.wait_for(lambda: not self._waiting and not self._busy, timeout_s)

    def close(self, timeout_s: float = EXIT_S) -> None:
        """Flush, close the connection and end the thread; the next message starts another."""
        if self._pid != os.getpid():
            return
        self.flush(timeout_s)
        with self._wake:
            thread, self._closing = self._thread, True
            self._wake.notify_all()
        if thread is not None:
            thread.join(timeout_s)
        self._closing = False

    def _forget(self) -> None:
        """Start with nothing: threads and connections do not survive a fork."""
        self._pid = os.getpid()
        self._wake = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._thread = None
        self._busy = self._away = self._closing = self._complained = False

    def _start(self) -> None:
        if not self._ends_with_process:
            self._ends_with_process = True
            _at_exit(self.flush)
        self._thread = threading.Thread(target=self._run, name="iii-sender", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # The interpreter is on its way out and starts no threads.
            self._thread = None
            self._waiting.clear()

    def _run(self) -> None:
        broker = Broker()
        while batch := self._next_batch():
            try:
                if reaches_workers():
                    _send(broker, batch)
            except Exception as error:  # noqa: BLE001 - transports raise what they like
                self._complain(error)
                self._wait_for(broker)
            else:
                self._complained = False
        broker.close()

    def _next_batch(self) -> list[Message]:
        """Wait for messages; nothing after a while of idleness, and the thread is to end."""
        with self._wake:
            self._busy = False
            self._wake.notify_all()
            self._wake.wait_for(lambda: bool(self._waiting) or self._closing, self._idle_s)
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            self._busy = bool(batch)
            if not batch:
                self._thread = None
            return batch

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            logger.warning("The broker takes no messages; they wait in the ledger: %r", error)

    def _wait_for(self, broker: Broker) -> None:
        """Drop everything until the broker is back."""
        broker.close()
        self._drop()
        pause_s = FIRST_PAUSE_S
        while not self._closes_within(pause_s) and not _opens(broker):
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
        self._away = False

    def _closes_within(self, seconds: float) -> bool:
        with self._wake:
            self._wake.wait_for(lambda: self._closing, seconds)
            return self._closing

    def _drop(self) -> None:
        with self._wake:
            self._away = True
            self._busy = False
            self._waiting.clear()
            self._wake.notify_all()


def _send(broker: Broker, batch: list[Message]) -> None:
    """Send a batch; once more if the connection had been idle, and may have gone stale."""
    was_open = broker.is_open
    try:
        broker.send(batch)
    except Exception:
        broker.close()
        if not was_open:
            raise
        broker.send(batch)


def _opens(broker: Broker) -> bool:
    try:
        broker.open()
    except Exception:  # noqa: BLE001 - transports raise what they like
        return False
    return True


def _at_exit(work: Callable[[], object]) -> None:
    """Run ``work`` before daemon threads are stopped."""
    register = getattr(threading, "_register_atexit", atexit.register)
    with suppress(RuntimeError):
        register(work)


sender = Sender()
