"""From publish to the start of the handler, on a site that has nothing else to do."""

from __future__ import annotations

import time
from statistics import median

import msgspec

from benchmarks.databases import sqlite_database
from benchmarks.notes import notes
from benchmarks.sites import Site, celery, engine
from tests.e2e.processes import free_ports

from .plan import Plan

FIRST = 5
"""Messages before the measured ones."""
NOTES = "latencies"
LAST_S = 30.0
LOOK_S = 0.1


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from publish to the start of the function."""

    count: int
    p50_ms: float
    p99_ms: float


def embedded_latency(plan: Plan) -> Latency:
    """Measure one ``runengine`` on SQLite without a broker; a worker publishes."""
    folder = plan.folder / "embedded"
    folder.mkdir()
    settings = "benchmarks.ledger.settings"
    with Site(settings=settings, folder=folder, database=sqlite_database(folder)) as site:
        ports = free_ports(3)
        site.crew.start(engine(*ports))
        return _measure(site, plan, f"ws://127.0.0.1:{ports[2]}")


def celery_latency(site: Site, plan: Plan) -> Latency:
    """Measure a Celery worker with threads; a process of the site publishes."""
    words = ("worker", "--pool", "threads", "--concurrency", "16")
    site.crew.start(celery(*words, name="Celery"))
    try:
        return _measure(site, plan)
    finally:
        site.crew.kill("Celery")


def _measure(site: Site, plan: Plan, *url: str) -> Latency:
    plan.say("  latency")
    # Until the worker is there, then until the publisher has all its connections.
    _publish(site, FIRST, *url)
    _publish(site, FIRST + plan.latencies, *url)
    return _summary(notes(site.folder, NOTES)[2 * FIRST :])


def _publish(site: Site, count: int, *url: str) -> None:
    """Publish messages and return when they have run."""
    wanted = len(notes(site.folder, NOTES)) + count
    words = ("-m", "benchmarks.ledger.publish_slowly", str(count), *url)
    site.run(*words, timeout_s=count + LAST_S)
    _wait(site, wanted)


def _wait(site: Site, count: int) -> None:
    deadline = time.monotonic() + LAST_S
    while len(notes(site.folder, NOTES)) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all of {count} messages ran\n{site.crew.logs()}")
        time.sleep(LOOK_S)


def _summary(seconds: list[float]) -> Latency:
    ordered = sorted(seconds)
    return Latency(
        count=len(ordered),
        p50_ms=median(ordered) * 1000,
        p99_ms=ordered[len(ordered) * 99 // 100] * 1000,
    )
