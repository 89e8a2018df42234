"""Two engines side by side, one with the history and one without; loaded in turns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cells import Cell, cells
from benchmarks.cpu import cpu_s
from benchmarks.databases import Database, postgres_database, sqlite_database
from benchmarks.engine import Engine, running_engine, running_node_worker
from benchmarks.runs import measure
from tests.e2e.environments import SdkUnavailable
from tests.support.services import ServiceUnavailable

from .plan import Plan
from .report import Comparison, HistoryReport, Round

KEYS = "cd"
WRITTEN_S = 60.0
PAUSE_S = 0.05
SIDES = {"off": "off", "on": "all"}
RUNS = "SELECT COUNT(*) FROM iii_triggers_invocation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The two engines."""

    without: Engine
    with_it: Engine
    database: Database
    """The one that the history is written to."""


def measure_history(plan: Plan) -> HistoryReport:
    """Measure on SQLite and on PostgreSQL."""
    report = HistoryReport(comparisons=[], skipped=[])
    _compare("SQLite", report, plan)
    try:
        _compare("PostgreSQL", report, plan)
    except ServiceUnavailable as reason:
        report.skipped.append(f"history on PostgreSQL: {reason}")
    return report


def _compare(name: str, report: HistoryReport, plan: Plan) -> None:
    with ExitStack() as stack:
        pair = _pair(stack, name, plan)
        measured = cells(KEYS)
        try:
            for side, engine in zip(SIDES, (pair.without, pair.with_it), strict=True):
                stack.enter_context(running_node_worker(engine, plan.folder / name / side))
        except SdkUnavailable as error:
            report.skipped.append(f"history with a Node worker on {name}: {error}")
            measured = [cell for cell in measured if not cell.needs_worker]
        series = {cell: Comparison(database=name, label=cell.label) for cell in measured}
        report.comparisons.extend(series.values())
        for number in range(plan.rounds):
            plan.say(f"  {name}, round {number + 1} of {plan.rounds}")
            for cell, comparison in series.items():
                _round(pair, cell, comparison, plan, is_on_first=bool(number % 2))


def _round(
    pair: Pair, cell: Cell, comparison: Comparison, plan: Plan, *, is_on_first: bool
) -> None:
    """Load the one engine, then the other; nothing is written any more when the next begins."""
    for is_on in (is_on_first, not is_on_first):
        engine = pair.with_it if is_on else pair.without
        rounds = comparison.with_it if is_on else comparison.without
        worked_s = cpu_s(engine.pid)
        load = measure(engine.doors[cell.door], cell, seconds=plan.seconds)
        written_s = _until_written(pair.database) if is_on else 0.0
        worked_us = (cpu_s(engine.pid) - worked_s) * 1_000_000
        rounds.append(Round(load=load, written_s=written_s, cpu_us=worked_us / load.answered))


def _until_written(database: Database) -> float:
    """Wait until the number of runs stands; return how many seconds it still grew."""
    begun = grew_at = time.monotonic()
    known = -1
    # The history is written every quarter of a second.
    while (now := time.monotonic()) < grew_at + 1 and now < begun + WRITTEN_S:
        [(runs,)] = database.query(RUNS)
        if runs != known:
            known, grew_at = runs, now
        time.sleep(PAUSE_S)
    return round(grew_at - begun, 2)


def _pair(stack: ExitStack, name: str, plan: Plan) -> Pair:
    engines = {}
    for side, setting in SIDES.items():
        folder = plan.folder / name / side
        folder.mkdir(parents=True)
        database = stack.enter_context(_database(name, side, folder))
        engine = running_engine("uvicorn", folder, database=database, BENCH_HISTORY=setting)
        engines[side] = stack.enter_context(engine)
    return Pair(without=engines["off"], with_it=engines["on"], database=database)


@contextmanager
def _database(name: str, side: str, folder: Path) -> Iterator[Database]:
    if name == "SQLite":
        yield sqlite_database(folder)
    else:
        with postgres_database(f"history_{side}") as database:
            yield database
