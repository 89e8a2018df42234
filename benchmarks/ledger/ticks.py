"""What a tick of cron costs with ten thousand triggers, on each database."""

from __future__ import annotations

import msgspec

from benchmarks.databases import Database, postgres_database, sqlite_database
from benchmarks.sites import Site

from .plan import Plan

TIMEOUT_S = 120.0


class TickCost(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds for one tick with that many triggers, of which ``due`` were due."""

    triggers: int
    due: int
    p50_ms: float
    max_ms: float


def sqlite_ticks(plan: Plan) -> list[TickCost]:
    """Measure on SQLite."""
    folder = plan.folder / "ticks"
    folder.mkdir()
    return _measure(sqlite_database(folder), plan)


def postgres_ticks(plan: Plan) -> list[TickCost]:
    """Measure on PostgreSQL; raise ServiceUnavailable where there is none."""
    with postgres_database("ticks") as database:
        return _measure(database, plan)


def _measure(database: Database, plan: Plan) -> list[TickCost]:
    plan.say(f"  ticks of cron, {'SQLite' if database.is_sqlite else 'PostgreSQL'}")
    settings = "benchmarks.ledger.settings"
    with Site(settings=settings, folder=plan.folder, database=database) as site:
        words = ("-m", "benchmarks.ledger.tick", str(plan.ticks))
        return msgspec.json.decode(site.run(*words, timeout_s=TIMEOUT_S), type=list[TickCost])
