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
from .report import Report, machine
from .routing import routing_costs
from .runs import Plan, run

OUTPUT = Path("test-output") / "bench.json"
SERVERS = ("uvicorn", "daphne")


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
    servers = {}
    with tempfile.TemporaryDirectory() as folder:
        for server in options.servers:
            plan.say(server)
            servers[server] = run(server, plan, Path(folder) / server)
    return Report(
        seconds=plan.seconds,
        rounds=plan.rounds,
        machine=machine(),
        routing=routing_costs(),
        servers=servers,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each cell")
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    keys = "".join(cell.key for cell in CELLS)
    parser.add_argument("--cells", default=keys, help=f"which to measure (default {keys})")
    parser.add_argument("--quick", action="store_true", help="1 round of 1 s: does it work?")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 1.0, 1
    return options


if __name__ == "__main__":
    sys.exit(main())
