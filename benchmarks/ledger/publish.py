"""Publishers that measure: they publish one by one and wait until the last is done.

``python -m benchmarks.ledger.publish '<Order as JSON>'`` prints a Throughput as JSON.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Literal

import django
import msgspec
from django.db import connections
from django.db.models import Max
from django.utils import timezone

DEADLINE_S = 120.0
LOOK_S = 0.1

Case = Literal["bare", "nothing", "row"]
Finished = Callable[[], tuple[int, datetime | None]]
Publish = Callable[[int], object]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to publish; ``case`` says by which way."""

    case: Case
    count: int
    publishers: int = 8


class Throughput(msgspec.Struct, frozen=True, kw_only=True):
    """How many were done in a second, from the first publish until the last was done."""

    per_s: float
    published_per_s: float


def measure(order: Order) -> Throughput:
    """Carry out an order; raise TimeoutError if it does not end."""
    publish, finished = _bare(order) if order.case == "bare" else _through_ledger(order)
    started = timezone.now()
    _publish_all(publish, order)
    published = timezone.now()
    last = _wait(finished, order.count)
    return Throughput(
        per_s=order.count / (last - started).total_seconds(),
        published_per_s=order.count / (published - started).total_seconds(),
    )


def _publish_all(publish: Publish, order: Order) -> None:
    """Publish from several threads, as the requests of a site do."""
    shares = [range(n, order.count, order.publishers) for n in range(order.publishers)]
    with ThreadPoolExecutor(order.publishers) as pool:
        list(pool.map(partial(_publish_share, publish), shares))


def _publish_share(publish: Publish, numbers: range) -> None:
    try:
        for number in numbers:
            publish(number)
    finally:
        connections.close_all()


def _wait(finished: Finished, count: int) -> datetime:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        done, last = finished()
        if done >= count and last is not None:
            return last
        time.sleep(LOOK_S)
    raise TimeoutError(f"{done} of {count} were done after {DEADLINE_S} s")


def _bare(order: Order) -> tuple[Publish, Finished]:
    from .models import Done
    from .tasks import write_row

    rows = Done.objects.filter(at__gte=timezone.now())

    def finished() -> tuple[int, datetime | None]:
        return rows.count(), rows.aggregate(last=Max("at"))["last"]

    return write_row.delay, finished


def _through_ledger(order: Order) -> tuple[Publish, Finished]:
    from iii_triggers import enqueue
    from iii_triggers.models import Delivery

    topic = f"ledger.{order.case}"
    deliveries = Delivery.objects.filter(topic=topic, created_at__gte=timezone.now())

    def publish(number: int) -> object:
        return enqueue(topic, {"number": number})

    def finished() -> tuple[int, datetime | None]:
        rows = deliveries.filter(state=Delivery.State.SUCCEEDED)
        return rows.count(), rows.aggregate(last=Max("finished_at"))["last"]

    return publish, finished


def main() -> None:
    """Carry out the order in the first argument."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    print(msgspec.json.encode(measure(order)).decode(), flush=True)


if __name__ == "__main__":
    django.setup()
    main()
