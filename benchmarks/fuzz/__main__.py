"""``python -m benchmarks.fuzz``: attack engines, print what became of them, exit with 1 if harmed.

The seed repeats the frames. Everything is bounded in time and stays on the loopback interface;
the engines and their databases are made for the run and go with it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from .report import Limits
from .run import Plan, fuzz

OUTPUT = Path("test-output") / "fuzz.json"
SERVERS = ("uvicorn", "daphne")
MILLION = 1_000_000


def main() -> int:
    """Run the attacks; return the exit code."""
    options = _options()
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    reports = []
    with tempfile.TemporaryDirectory(prefix="iii-fuzz-") as folder:
        for server in options.servers:
            reports.append(fuzz(server, _plan(options, server, Path(folder))))
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_bytes(msgspec.json.format(msgspec.json.encode(reports)))
    print(f"seed {options.seed}")
    failures = []
    for report in reports:
        print("\n".join(report.lines()))
        failures += [f"{report.server}: {failure}" for failure in report.failures()]
    print("\n".join(failures), file=sys.stderr, end="\n" if failures else "")
    return 1 if failures else 0


def _plan(options: argparse.Namespace, server: str, folder: Path) -> Plan:
    frames = options.frames or (40_000 if options.short else MILLION)
    if server == "daphne":
        frames //= 10 if not options.short else 4
    return Plan(
        warm_up=max(5000, frames // 10),
        frames=frames,
        connections=8,
        longest_s=60 if options.short else 400,
        settling_s=3 if options.short else 12,
        seed=options.seed,
        folder=folder,
        limits=Limits(),
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--short", action="store_true", help="50,000 frames, under a minute")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="repeats the frames")
    parser.add_argument("--frames", type=int, help="how many frames uvicorn gets")
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
