"""Two engines on one PostgreSQL and one Redis; a Node worker is connected to the first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.cells import Cell, cells
from benchmarks.cpu import cpu_s
from benchmarks.databases import postgres_database
from benchmarks.engine import Engine, running_engine, running_node_worker
from benchmarks.load import Measurement
from benchmarks.redis_server import running_redis
from benchmarks.runs import BUSY, WARM_UP_S, measure
from tests.e2e.environments import SdkUnavailable
from tests.e2e.eventually import eventually
from tests.support.services import ServiceUnavailable

from .plan import CROSSED_AIM, DOUBLED_AIM, Plan
from .report import NodesReport, Pairs

KNOWN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """The two engines."""

    first: Engine
    second: Engine


def measure_nodes(plan: Plan) -> NodesReport:
    """Measure what can be measured here."""
    report = NodesReport(pairs=[], skipped=[])
    try:
        with _two(plan) as two:
            _cross(two, plan, report)
            _double(two, plan, report)
    except ServiceUnavailable as reason:
        report.skipped.append(f"several processes: {reason}")
    return report


def _cross(two: Two, plan: Plan, report: NodesReport) -> None:
    """Load the engine of the worker and the other one, in turns."""
    [cell] = cells("c")
    try:
        worker = running_node_worker(two.first, plan.folder)
        with worker:
            eventually(lambda: _serves(two.second, cell), bool, timeout_s=KNOWN_S)
            pairs = Pairs(
                label="worker of this process, of the other", aim=CROSSED_AIM, base=[], other=[]
            )
            report.pairs.append(pairs)
            for number in range(plan.rounds):
                plan.say(f"  crossing, round {number + 1} of {plan.rounds}")
                pairs.base.append(measure(two.first.doors[cell.door], cell, seconds=plan.seconds))
                pairs.other.append(measure(two.second.doors[cell.door], cell, seconds=plan.seconds))
    except SdkUnavailable as error:
        report.skipped.append(f"a worker of another process: {error}")


def _serves(engine: Engine, cell: Cell) -> bool:
    once = measure(engine.doors[cell.door], cell, seconds=0.05, connections=1)
    return set(once.statuses) == {"200"}


def _double(two: Two, plan: Plan, report: NodesReport) -> None:
    """Load one engine, then both at once, which takes cores for both and for their load."""
    for cell in cells("bd"):
        ports = [engine.doors[cell.door] for engine in (two.first, two.second)]
        base, other, shares = [], [], []
        for number in range(plan.rounds):
            plan.say(f"  two processes ({cell.key}), round {number + 1} of {plan.rounds}")
            base.append(measure(ports[0], cell, seconds=plan.seconds))
            began_s = _worked_s(two)
            other.append(_measure_both(ports, cell, plan.seconds))
            shares.append((_worked_s(two) - began_s) / (plan.seconds + WARM_UP_S))
        report.pairs.append(
            Pairs(
                label=f"one process, two: {cell.label}",
                aim=DOUBLED_AIM,
                base=base,
                other=other,
                note=f"the two had {median(shares):.1f} of {os.cpu_count()} cores",
            )
        )


def _worked_s(two: Two) -> float:
    return cpu_s(two.first.pid) + cpu_s(two.second.pid)


def _measure_both(ports: list[int], cell: Cell, seconds: float) -> Measurement:
    """Load both at once, each with half of the connections; add up."""
    with ThreadPoolExecutor(len(ports)) as pool:
        loads = [
            pool.submit(measure, port, cell, seconds=seconds, connections=BUSY // len(ports))
            for port in ports
        ]
        done = [load.result() for load in loads]
    statuses: dict[str, int] = {}
    for one in done:
        for status, count in one.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    return Measurement(
        requests_per_s=sum(one.requests_per_s for one in done),
        p50_ms=max(one.p50_ms for one in done),
        p99_ms=max(one.p99_ms for one in done),
        statuses=statuses,
    )


@contextmanager
def _two(plan: Plan) -> Iterator[Two]:
    """Run the engines. Raise ServiceUnavailable without PostgreSQL or Redis."""
    plan.folder.mkdir(parents=True)
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(plan.folder))
        database = stack.enter_context(postgres_database("nodes"))
        engines = [
            running_engine("uvicorn", plan.folder, database=database, REDIS_URL=redis.url(0))
            for _ in range(2)
        ]
        first, second = (stack.enter_context(engine) for engine in engines)
        yield Two(first=first, second=second)
