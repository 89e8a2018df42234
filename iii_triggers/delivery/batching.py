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
AWAY = (InterfaceError, OperationalError)
"""The database went away, or chose this transaction to end a deadlock."""

Unit = tuple[In, Future[Out]]


class Batcher(Generic[In, Out]):
    """Does units of database work in batches, in a thread that is there while there is work.

    ``work`` gets a batch and returns a result for each unit. When it raises because of one of
    them, each is done alone, so that one unit at fault spoils nothing for the others.
    """

    def __init__(self, name: str, work: Callable[[Sequence[In]], Sequence[Out]]) -> None:
        self._name = name
        self._work = work
        self._thread: threading.Thread | None = None
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def submit(self, unit: In) -> Future[Out]:
        """Have a unit done; the future has its result once the transaction is committed."""
        future: Future[Out] = Future()
        with self._wake:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
            self._waiting.append((unit, future))
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
        self._wake = threading.Condition()
        self._waiting: list[Unit[In, Out]] = []
        self._thread = None
        self._closing = False

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                # For who gave up before its turn nothing is done; from here on it is.
                self._do([unit for unit in batch if unit[1].set_running_or_notify_cancel()])
        finally:
            connections.close_all()

    def _next_batch(self) -> list[Unit[In, Out]]:
        """Wait for work; nothing after a while of idleness, and the thread is to end."""
        with self._wake:
            if not self._waiting and not self._closing:
                self._wake.wait(IDLE_S)
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if not batch:
                self._thread = None
            return batch

    def _do(self, batch: list[Unit[In, Out]]) -> None:
        try:
            results = self._try([unit for unit, _ in batch]) if batch else []
            if len(results) != len(batch):
                raise RuntimeError(f"{self._name} returned too few results.")
        except AWAY as error:
            _fail(batch, error)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            self._do_each(batch, error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)

    def _do_each(self, batch: list[Unit[In, Out]], error: BaseException) -> None:
        """Do the units of a batch that failed one by one: the fault is one of them."""
        if len(batch) == 1:
            _fail(batch, error)
            return
        for unit in batch:
            self._do([unit])

    def _try(self, units: Sequence[In]) -> Sequence[Out]:
        """Do the work; a database that went away, or a deadlock, gets another try."""
        for _ in range(DEADLOCK_TRIES - 1):
            try:
                return self._work(units)
            except AWAY:
                logger.warning("%s: the database failed; trying again.", self._name, exc_info=True)
                connections.close_all()
        return self._work(units)


def _fail(batch: list[Unit[In, Out]], error: BaseException) -> None:
    for _, future in batch:
        future.set_exception(error)
