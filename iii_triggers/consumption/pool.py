"""The threads of the Celery worker inside ``runengine``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery.concurrency.thread import TaskPool

THREAD_NAME = "iii-delivery"


class DeliveryPool(TaskPool):  # type: ignore[misc]  # Celery has no types
    """Celery's pool of threads, whose threads can be told from others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.executor = ThreadPoolExecutor(self.limit, thread_name_prefix=THREAD_NAME)
