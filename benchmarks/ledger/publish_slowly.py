"""A publisher for latencies: one message at a time, with pauses.

``python -m benchmarks.ledger.publish_slowly COUNT [URL]``: with the URL of an engine it publishes
as a worker does, without as a process of the site.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django

TOPIC = "ledger.latency"
PAUSE_S = 0.05


def main(count: int, url: str | None) -> None:
    """Publish ``count`` messages that carry the time."""
    with _publisher(url) as publish:
        for _ in range(count):
            publish({"published_at": time.time()})
            time.sleep(PAUSE_S)


@contextmanager
def _publisher(url: str | None) -> Iterator[Callable[[Any], object]]:
    if url is None:
        django.setup()
        from iii_triggers import enqueue

        yield lambda data: enqueue(TOPIC, data)
        return
    from iii_triggers.sdk import init

    with init(url) as client:
        yield lambda data: client.call("iii::durable::publish", {"topic": TOPIC, "data": data})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
