"""A publisher in a process of the site: ``enqueue`` in transactions, some of them rolled back.

``python -m benchmarks.soak.publish_rows '<Order as JSON>'``. What is rolled back are negative
numbers, which nobody may ever see.
"""

from __future__ import annotations

import logging
import random
import time

import django
from django.db import Error as DatabaseProblem
from django.db import transaction

from benchmarks.notes import note

from .orders import ACKNOWLEDGED, Order, read_order
from .topic import TOPIC

MAX_AT_ONCE = 5
ROLLED_BACK = 0.1

logger = logging.getLogger(__name__)


def publish(order: Order) -> None:
    """Publish the numbers, a few in each transaction, until all are acknowledged."""
    chance = random.Random(order.seed)
    left = list(order.numbers)
    while left:
        batch = left[: chance.randint(1, MAX_AT_ONCE)]
        if chance.random() < ROLLED_BACK:
            _commit([-number for number in batch], roll_back=True)
        if _commit(batch, roll_back=False):
            left = left[len(batch) :]
            _acknowledge(order, batch)
        time.sleep(order.pause_s * len(batch))


def _commit(batch: list[int], *, roll_back: bool) -> bool:
    """Publish numbers in a transaction; tell whether that ended as it should."""
    from iii_triggers import enqueue

    try:
        with transaction.atomic():
            for number in batch:
                enqueue(TOPIC, {"n": number})
            transaction.set_rollback(roll_back)
    except DatabaseProblem as error:
        logger.warning("Not published: %s", error)
        return False
    return True


def _acknowledge(order: Order, batch: list[int]) -> None:
    for number in batch:
        note(order.folder, ACKNOWLEDGED, number)


if __name__ == "__main__":
    django.setup()
    publish(read_order())
