"""A Celery worker and beat inside this process, in threads, for ``runengine``."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from celery import Celery
from celery.beat import EmbeddedService
from celery.worker import WorkController, state

from iii_triggers.conf import settings
from iii_triggers.delivery.celery_app import celery_app, has_memory_broker

from . import health
from .memory import TRANSPORT
from .pool import DeliveryPool
from .supervision import Supervised
from .topics import wake

SCHEDULER = "iii_triggers.beat:TriggerScheduler"
EX_OK = 0


class Consumer:
    """A Celery worker; its steps sweep and follow the topics."""

    def __init__(self, app: Celery) -> None:
        state.should_stop = None
        self._worker = WorkController(
            app=app,
            hostname=f"runengine-{os.getpid()}@{socket.gethostname()}",
            pool=DeliveryPool,
            concurrency=settings.III_CONSUMER_THREADS,
            # What waits in memory may as well wait in the pool (0 is no limit).
            prefetch_multiplier=0 if has_memory_broker(app) else 1,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )

    def run(self) -> None:
        """Consume until told to stop, then wait for running tasks."""
        self._worker.start()

    def stop(self) -> None:
        """Have the thread that consumes stop: Celery's ``stop`` is for that thread only."""
        state.should_stop = EX_OK
        consumer = getattr(self._worker, "consumer", None)
        if consumer is not None:
            consumer.call_soon(_nothing)
            wake(consumer, to_stop=True)


class Beat:
    """Celery beat, with our scheduler."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._service = EmbeddedService(app, thread=True, scheduler_cls=SCHEDULER).service

    def run(self) -> None:
        """Fire what is due until told to stop."""
        self._app.set_current()
        self._service.start()

    def stop(self) -> None:
        """Fire nothing more."""
        self._service.stop()


class EmbeddedCelery:
    """Starts and stops the two. The engine of the process runs before and after."""

    def __init__(self, *, consumes: bool = True, beats: bool = True) -> None:
        self._consumes = consumes
        self._beats = beats
        self._parts: dict[str, Supervised] = {}
        self._stop_at = 0.0

    def start(self) -> None:
        """Start what was asked for; return at once."""
        app = celery_app()
        prepare(app)
        if self._consumes:
            self._parts["consumer"] = Supervised("Celery worker", lambda: Consumer(app))
        if self._beats:
            self._parts["beat"] = Supervised("beat", lambda: Beat(app))
        for part in self._parts.values():
            part.start()
        health.parts.update(self._parts)

    def begin_stop(self) -> None:
        """Start nothing new; what runs has the grace time to end."""
        self._stop_at = time.monotonic() + settings.III_SHUTDOWN_GRACE_S
        for part in self._parts.values():
            part.begin_stop()

    def wait_stopped(self, margin_s: float = 2.0) -> bool:
        """Wait for that, and for outcomes to be written; tell whether all came to an end."""
        deadline = max(self._stop_at, time.monotonic()) + margin_s
        ends = [part.wait_stopped(deadline - time.monotonic()) for part in self._parts.values()]
        health.parts.clear()
        return all(ends)


def prepare(app: Any) -> None:
    """Make an app the one of all threads, and messages in memory arrive at once."""
    if has_memory_broker(app):
        app.conf.broker_transport = TRANSPORT
    app.finalize()
    app.set_current()
    app.set_default()


def _nothing() -> None:
    """Only wakes who waits."""
