"""All measurements of growth, one after the other."""

from __future__ import annotations

from benchmarks.databases import postgres_database, sqlite_database
from tests.support.services import ServiceUnavailable

from .plan import Plan
from .registering import measure_registering
from .report import GrowthReport
from .starts import Starts, measure_starts
from .weighing import watch_growth, weigh


def measure_growth(plan: Plan) -> GrowthReport:
    """Measure in real processes; without PostgreSQL the start on it is left out."""
    plan.folder.mkdir(parents=True)
    plan.say("  starts")
    starts = _starts(plan)
    plan.say("  registering")
    registering = measure_registering(plan)
    plan.say("  memory")
    weight = weigh(plan)
    plan.say(f"  {plan.load_s:g} s of load")
    return GrowthReport(
        triggers=plan.triggers,
        workers=plan.workers,
        starts=starts,
        registering=registering,
        weight=weight,
        growth=watch_growth(plan),
    )


def _starts(plan: Plan) -> dict[str, Starts]:
    (plan.folder / "sqlite").mkdir()
    starts = {"SQLite": measure_starts(sqlite_database(plan.folder / "sqlite"), plan)}
    try:
        with postgres_database("growth") as database:
            starts["PostgreSQL"] = measure_starts(database, plan)
    except ServiceUnavailable as error:
        plan.say(f"without PostgreSQL: {error}")
    return starts
