"""The pools of Celery workers: the threads of the one inside ``runengine``, and which fork."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery.concurrency.prefork import TaskPool as ForkingPool
from celery.concurrency.thread import TaskPool

THREAD_NAME = "iii-delivery"


class DeliveryPool(TaskPool):  # type: ignore[misc]  # Celery has no types
    """Celery's pool of threads, whose threads can be told from others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.executor = ThreadPoolExecutor(self.limit, thread_name_prefix=THREAD_NAME)


def forks(worker: Any) -> bool:
    """Tell whether the pool of a worker is one of processes, which it may fork at any time."""
    return isinstance(worker.pool_cls, type) and issubclass(worker.pool_cls, ForkingPool)
