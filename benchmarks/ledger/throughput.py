"""Deliveries and bare tasks in turn: same worker, broker, database and publisher loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from benchmarks.sites import Site, celery

from .plan import Plan
from .publish import DEADLINE_S, Case, Order, Throughput

CASES: tuple[Case, ...] = ("bare", "nothing", "row")
POOLS = {"threads": 16, "prefork": 2}
"""Celery's pools, and how many tasks run in each at the same time."""
WARM_UP = 100
LEAST = 50

Rounds = list[dict[Case, Throughput]]


def measure_pools(site: Site, plan: Plan) -> dict[str, Rounds]:
    """Return the rounds on each pool; one is enough where nothing is judged."""
    found = {}
    for pool in plan.pools:
        plan.say(f"  throughput, {pool}")
        with _worker(site, pool, POOLS[pool]):
            rounds = plan.rounds if pool == "threads" else 1
            found[pool] = list(_rounds(site, rounds, plan.seconds))
    return found


def _rounds(site: Site, rounds: int, seconds: float) -> Iterator[dict[Case, Throughput]]:
    """Measure each case in each round, with as many messages as a round takes."""
    first = {case: _measure(site, case, WARM_UP) for case in CASES}
    count = max(LEAST, round(first["bare"].per_s * seconds))
    for _ in range(rounds):
        yield {case: _measure(site, case, count) for case in CASES}


def _measure(site: Site, case: Case, count: int) -> Throughput:
    order = Order(case=case, count=count)
    words = ("-m", "benchmarks.ledger.publish", msgspec.json.encode(order).decode())
    printed = site.run(*words, timeout_s=2 * DEADLINE_S)
    return msgspec.json.decode(printed, type=Throughput)


@contextmanager
def _worker(site: Site, pool: str, concurrency: int) -> Iterator[None]:
    """Run the Celery worker; the first measurement waits for it."""
    name = f"Celery {pool}"
    words = ("worker", "--pool", pool, "--concurrency", str(concurrency))
    site.crew.start(celery(*words, name=name))
    try:
        yield
    finally:
        site.crew.kill(name)
