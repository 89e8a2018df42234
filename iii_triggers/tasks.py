"""The Celery tasks. Their names are a public contract: messages in brokers carry them."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from celery import shared_task

from .delivery.broker import DELIVER_TASK
from .delivery.execution import run_delivery
from .delivery.pruning import prune

logger = logging.getLogger(__name__)

PRUNE_TASK = "iii.prune"


@shared_task(name=DELIVER_TASK, acks_late=True, ignore_result=True, typing=False)  # type: ignore[untyped-decorator]
def deliver(delivery_id: Any = None, *_args: Any, **_kwargs: Any) -> None:
    """Run a delivery, if it is there to be run; its row says what became of it."""
    if _is_id(delivery_id):
        run_delivery(delivery_id)
    else:
        logger.error("A message of %s has no delivery id.", DELIVER_TASK)


@shared_task(name=PRUNE_TASK, ignore_result=True, typing=False)  # type: ignore[untyped-decorator]
def prune_deliveries(*_args: Any, **_kwargs: Any) -> None:
    """Delete deliveries that are done and old."""
    if pruned := prune():
        logger.info("Pruned %d deliveries.", pruned)


def _is_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False
