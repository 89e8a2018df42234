"""What every Celery worker of the site does beside running tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery import bootsteps

from iii_triggers import tasks  # noqa: F401 - should the site's app not discover them
from iii_triggers.conf import settings
from iii_triggers.delivery.sweeping import sweep
from iii_triggers.engine.process import process_engine

from .engines import start_engine
from .pool import forks
from .threads import RepeatingThread
from .topics import EXCLUDED, TopicsStep, takes_deliveries


class SweeperStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Sweeps while the worker runs, whether the broker is there or not."""

    # After the first forks: a database must not be used while a process is forked.
    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._thread: RepeatingThread | None = None

    def start(self, worker: Any) -> None:
        """Begin to sweep."""
        self._thread = RepeatingThread(
            "iii-sweeper",
            sweep,
            interval=lambda: settings.III_SWEEP_INTERVAL_S,
            is_forking=forks(worker),
        )
        self._thread.start()

    def stop(self, worker: Any) -> None:
        """Sweep no more."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    terminate = stop


class EngineStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Starts the engine in a worker that runs deliveries itself, unless one runs there already.

    It stops when the process ends.
    """

    def start(self, worker: Any) -> None:
        """Start, without waiting."""
        is_needed = takes_deliveries(worker.app) and not forks(worker)
        if is_needed and not process_engine.get().is_running:
            start_engine()

    def stop(self, worker: Any) -> None:
        """Leave the engine to what still runs."""


def add_steps(worker: Any) -> None:
    """Add the steps to the app of a worker that is about to be built; twice is harmless."""
    worker.app.steps["consumer"].add(TopicsStep)
    worker.app.steps["worker"].update({SweeperStep, EngineStep})


def exclude(worker: Any, queues: str | Sequence[str] | None) -> None:
    """Have a worker leave queues alone."""
    names = queues.split(",") if isinstance(queues, str) else queues or ()
    setattr(worker, EXCLUDED, frozenset(names))
