"""``python -m benchmarks``: measure, print the table, write ``test-output/bench.json``.

Exits with 1 if anything was answered with another status than 200. Aims that are missed are
printed and do not fail the run: a busy machine must not look like broken code.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from .cells import CELLS
from .edits.plan import Plan as EditsPlan
from .edits.report import EditsReport
from .edits.runs import measure_edits
from .growth.plan import Plan as GrowthPlan
from .growth.report import GrowthReport
from .growth.runs import measure_growth
from .history.plan import Plan as HistoryPlan
from .history.report import HistoryReport
from .history.runs import measure_history
from .ledger.plan import Plan as LedgerPlan
from .ledger.report import LedgerReport
from .ledger.runs import measure_ledger
from .nodes.plan import Plan as NodesPlan
from .nodes.report import NodesReport
from .nodes.runs import measure_nodes
from .report import Report, machine
from .routing import routing_costs
from .runs import Plan, run
from .workers.plan import Plan as WorkersPlan
from .workers.runs import measure_workers

OUTPUT = Path("test-output") / "bench.json"
SERVERS = ("uvicorn", "daphne")
PARTS = ("requests", "deliveries", "workers", "history", "edits", "nodes", "growth")
QUICK_SECONDS = 1.0
DELIVERY_SECONDS = 5.0
HISTORY_ROUNDS = 3
EDITS = {"idle": 100, "loaded": 20, "without_redis": 100}
QUICK_EDITS = {"idle": 10, "loaded": 5, "without_redis": 5}


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = _options()
    report = _measure(options)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    print("\n".join(report.lines()))
    failures = report.failures()
    print("\n".join(failures), file=sys.stderr, end="\n" if failures else "")
    return 1 if failures else 0


def _measure(options: argparse.Namespace) -> Report:
    plan = Plan(
        seconds=options.seconds,
        rounds=options.rounds,
        keys=frozenset(options.cells),
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    servers, ledger, workers, history = {}, LedgerReport(), {}, HistoryReport()
    nodes = NodesReport()
    edits, growth = EditsReport(), GrowthReport()
    with tempfile.TemporaryDirectory() as folder:
        for server in options.servers if "requests" in options.parts else ():
            plan.say(server)
            servers[server] = run(server, plan, Path(folder) / server)
        if "deliveries" in options.parts:
            plan.say("deliveries")
            ledger = measure_ledger(_ledger_plan(options, plan, Path(folder)))
        for server in options.servers if "workers" in options.parts else ():
            plan.say(f"workers ({server})")
            crowd = _workers_plan(options, plan, Path(folder) / f"workers-{server}")
            workers[server] = measure_workers(server, crowd)
        if "history" in options.parts:
            plan.say("history")
            history = measure_history(_history_plan(options, plan, Path(folder)))
        if "edits" in options.parts:
            plan.say("edits")
            numbers = QUICK_EDITS if options.quick else EDITS
            edits = measure_edits(EditsPlan(**numbers, folder=Path(folder) / "edits", say=plan.say))
        if "nodes" in options.parts:
            plan.say("nodes")
            nodes = measure_nodes(_nodes_plan(plan, Path(folder)))
        if "growth" in options.parts:
            plan.say("growth")
            growth = measure_growth(_growth_plan(options, plan, Path(folder)))
    return Report(
        seconds=plan.seconds,
        rounds=plan.rounds,
        machine=machine(),
        routing=routing_costs(),
        servers=servers,
        ledger=ledger,
        workers=workers,
        history=history,
        nodes=nodes,
        edits=edits,
        growth=growth,
    )


def _nodes_plan(plan: Plan, folder: Path) -> NodesPlan:
    return NodesPlan(
        seconds=plan.seconds, rounds=plan.rounds, folder=folder / "nodes", say=plan.say
    )


def _history_plan(options: argparse.Namespace, plan: Plan, folder: Path) -> HistoryPlan:
    return HistoryPlan(
        seconds=plan.seconds,
        rounds=1 if options.quick else HISTORY_ROUNDS * plan.rounds,
        folder=folder / "history",
        say=plan.say,
    )


def _growth_plan(options: argparse.Namespace, plan: Plan, folder: Path) -> GrowthPlan:
    return GrowthPlan(
        triggers=1000 if options.quick else 10_000,
        workers=50 if options.quick else 1000,
        functions=1,
        processes=2,
        rounds=3 if options.quick else 5,
        window=50,
        settling_s=2 if options.quick else 8,
        warm_up_s=5 if options.quick else 60,
        load_s=20 if options.quick else 600,
        folder=folder / "growth",
        say=plan.say,
    )


def _workers_plan(options: argparse.Namespace, plan: Plan, folder: Path) -> WorkersPlan:
    return WorkersPlan(
        many=200 if options.quick else 1000,
        few=10,
        functions=10,
        processes=2,
        rounds=3 if options.quick else 7,
        calls=100 if options.quick else 300,
        settling_s=3 if options.quick else 8,
        folder=folder,
    )


def _ledger_plan(options: argparse.Namespace, plan: Plan, folder: Path) -> LedgerPlan:
    return LedgerPlan(
        seconds=QUICK_SECONDS if options.quick else DELIVERY_SECONDS,
        rounds=plan.rounds,
        pools=("threads",) if options.quick else ("threads", "prefork"),
        latencies=30 if options.quick else 200,
        ticks=10 if options.quick else 50,
        folder=folder,
        say=plan.say,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a measurement")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each cell")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    keys = "".join(cell.key for cell in CELLS)
    parser.add_argument("--cells", default=keys, help=f"which to measure (default {keys})")
    parser.add_argument("--quick", action="store_true", help="1 round of 1 s: does it work?")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = QUICK_SECONDS, 1
    return options


if __name__ == "__main__":
    sys.exit(main())
