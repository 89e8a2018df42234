"""Group commit: units of work that come at the same time share one transaction.

One thread of each kind in a process takes whatever waits, does it together and hands the results
out. Nothing waits for company: a single unit is done at once.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError, connections

logger = logging.getLogger(__name__)

In = TypeVar("In")
Out = TypeVar("Out")

MAX_BATCH = 100
IDLE_S = 5.0
DEADLOCK_TRIES = 3


class Batcher(Generic[In, Out]):
    """Does units of database work in batches, in a thread that is there while there is work.

    ``work`` gets a batch and returns a result for each unit; what it raises, all of them get.
    """

    def __init__(self, name: str, work: Callable[[Sequence[In]], Sequence[Out]]) -> None:
        self._name = name
        self._work = work
        self._pid = 0
        self._thread: threading.Thread | None = None
        self._closing = False
        self._forget()

    def submit(self, unit: In) -> Future[Out]:
        """Have a unit done; the future has its result once the transaction is committed."""
        future: Future[Out] = Future()
        if self._pid != os.getpid():
            self._forget()
        with self._wake:
            self._waiting.append((unit, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._wake.notify()
        return future

    def close(self, timeout_s: float = 10.0) -> None:
        """Finish what waits, close the connection of the thread and end it."""
        with self._wake:
            thread, self._closing = self._thread, True
            self._wake.notify()
        if thread is not None:
            thread.join(timeout_s)
        self._closing = False

    def _forget(self) -> None:
        """Start with nothing: threads and connections do not survive a fork."""
        self._pid = os.getpid()
        self._wake = threading.Condition()
        self._waiting: list[tuple[In, Future[Out]]] = []
        self._thread, self._closing = None, False

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._do(batch)
        finally:
            connections.close_all()

    def _next_batch(self) -> list[tuple[In, Future[Out]]]:
        """Wait for work; nothing after a while of idleness, and the thread is to end."""
        with self._wake:
            if not self._waiting and not self._closing:
                self._wake.wait(IDLE_S)
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if not batch:
                self._thread = None
            return batch

    def _do(self, batch: list[tuple[In, Future[Out]]]) -> None:
        try:
            results = self._try([unit for unit, _ in batch])
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)

    def _try(self, units: Sequence[In]) -> Sequence[Out]:
        """Do the work; a database that went away, or a deadlock, gets another try."""
        for _ in range(DEADLOCK_TRIES - 1):
            try:
                return self._work(units)
            except (InterfaceError, OperationalError):
                logger.warning("%s: the database failed; trying again.", self._name, exc_info=True)
                connections.close_all()
        return self._work(units)
