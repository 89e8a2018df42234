"""Has Celery tell us of its workers and pool processes."""

from __future__ import annotations

from typing import Any

from celery import signals


def worker_options_known(instance: Any, options: dict[str, Any], **_kwargs: Any) -> None:
    """Note what a worker shall not consume (``-X``)."""
    from .steps import exclude

    exclude(instance, options.get("exclude_queues"))


def worker_comes(sender: Any, **_kwargs: Any) -> None:
    """Give a worker our steps, before it is built."""
    from .steps import add_steps

    add_steps(sender)


def pool_process_comes(**_kwargs: Any) -> None:
    """Begin in a pool process."""
    from .engines import pool_process_began

    pool_process_began()


def pool_process_goes(**_kwargs: Any) -> None:
    """End in a pool process."""
    from .engines import pool_process_ends

    pool_process_ends()


def connect() -> None:
    """Connect to Celery's signals; doing it twice is harmless."""
    signals.celeryd_init.connect(worker_options_known, dispatch_uid="iii.worker_options")
    signals.worker_init.connect(worker_comes, dispatch_uid="iii.worker")
    signals.worker_process_init.connect(pool_process_comes, dispatch_uid="iii.pool_process")
    signals.worker_process_shutdown.connect(pool_process_goes, dispatch_uid="iii.pool_process_end")
