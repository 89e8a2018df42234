"""One run: what this machine has no server for is left out, and said so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.databases import postgres_database
from benchmarks.redis_server import running_redis
from benchmarks.sites import Site
from tests.support.services import ServiceUnavailable

from .latency import celery_latency, embedded_latency
from .plan import Plan
from .report import LedgerReport
from .throughput import measure_pools
from .ticks import postgres_ticks, sqlite_ticks


def measure_ledger(plan: Plan) -> LedgerReport:
    """Measure everything about deliveries."""
    report = LedgerReport(throughput={}, latency={}, ticks={}, skipped=[])
    report.latency["embedded, SQLite"] = embedded_latency(plan)
    report.ticks["SQLite"] = sqlite_ticks(plan)
    _unless_unavailable(report, "ticks on PostgreSQL", lambda: _add_postgres_ticks(report, plan))
    _unless_unavailable(report, "Celery on Redis", lambda: _add_celery(report, plan))
    return report


def _unless_unavailable(report: LedgerReport, what: str, measure: Callable[[], None]) -> None:
    try:
        measure()
    except ServiceUnavailable as reason:
        report.skipped.append(f"{what}: {reason}")


def _add_postgres_ticks(report: LedgerReport, plan: Plan) -> None:
    report.ticks["PostgreSQL"] = postgres_ticks(plan)


def _add_celery(report: LedgerReport, plan: Plan) -> None:
    folder = plan.folder / "celery"
    folder.mkdir()
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(folder))
        database = stack.enter_context(postgres_database("bench"))
        site = Site(
            settings="benchmarks.ledger.settings",
            folder=folder,
            database=database,
            REDIS_URL=redis.url(0),
            CELERY_BROKER_URL=redis.url(1),
        )
        stack.enter_context(site)
        report.latency["Celery, PostgreSQL + Redis"] = celery_latency(site, plan)
        report.throughput.update(measure_pools(site, plan))
