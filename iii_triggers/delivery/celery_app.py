"""The Celery app that carries deliveries: the site's own, or one of ours where it has none."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from celery import Celery, current_app
from kombu import Exchange, Queue

UNNAMED = "default"
"""What Celery calls the app that it makes up when there is none."""
MEMORY = "memory://"


class Found:
    """What this process knows of Celery apps and workers."""

    site_app: Celery | None = None
    consumer_pid: int | None = None
    """The process that runs a Celery worker; a fork of it does not."""


def remember_site_app() -> None:
    """Note the current app of this thread: what another thread sees may be Celery's own."""
    app = current_app._get_current_object()
    if app.main != UNNAMED:
        Found.site_app = app


def celery_app() -> Celery:
    """Return the site's Celery app; one of ours, with the site's settings, where it has none.

    Ours speaks ``memory://`` where the site names no broker either (``CELERY_BROKER_URL`` in the
    settings or in the environment).
    """
    app = current_app._get_current_object()
    if app.main != UNNAMED:
        return app
    return Found.site_app or _own_app()


def is_of_site(app: Celery) -> bool:
    """Tell whether an app is one that the site made, or serves a broker that the site named."""
    return app is not _own_app() or not has_memory_broker(app)


@lru_cache(maxsize=1)
def _own_app() -> Celery:
    app = Celery("iii_triggers", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    if not app.conf.broker_url:
        app.conf.broker_url = MEMORY
    return app


def forget_apps() -> None:
    """Look anew; for tests, whose settings come and go."""
    Found.site_app = Found.consumer_pid = None
    _own_app.cache_clear()


def has_memory_broker(app: Celery) -> bool:
    """Tell whether messages stay in the process they are sent in."""
    url = app.conf.broker_write_url
    return str(url if isinstance(url, str) else (url or [""])[0]).startswith("memory")


def consumes_here(*, is_consuming: bool) -> None:
    """Note that this process runs a Celery worker, or runs none any more."""
    Found.consumer_pid = os.getpid() if is_consuming else None


def reaches_workers() -> bool:
    """Tell whether a message sent here can reach a Celery worker.

    Without a broker only the process that runs the worker reaches it. Elsewhere nothing is sent:
    the sweeper of that process finds the row.
    """
    return Found.consumer_pid == os.getpid() or not has_memory_broker(celery_app())


def declared_queue(app: Celery, name: str) -> Any:
    """Return a queue as kombu declares it, the same on every side: brokers refuse differences.

    One that the site declares stays as it is. Ours are reached through the default exchange, which
    needs no binding: a Redis that was flushed has forgotten those.
    """
    queues = app.amqp.queues
    if name in queues:
        return queues[name]
    arguments = dict(queues.new_missing(name).queue_arguments or {})
    if queues.max_priority is not None:
        arguments["x-max-priority"] = queues.max_priority
    return Queue(name, Exchange(""), routing_key=name, queue_arguments=arguments or None)
