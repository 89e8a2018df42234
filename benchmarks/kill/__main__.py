"""``python -m benchmarks.kill``: kill a cluster's processes under load; exit with 1 on any harm.

Three ASGI processes, two Celery workers, two beats, six workers on published SDKs, and a Redis of
its own. One after the other is killed and started again while HTTP requests, messages, cron
triggers, subscriptions and stream clients go on. Everything is bounded in time; only processes that
were started here are killed, by their id.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.e2e.environments import SdkUnavailable
from tests.support.services import ServiceUnavailable, are_required

from .run import Outcome, Plan, run

OUTPUT = Path("test-output") / "cluster.json"
LOG = OUTPUT.with_suffix(".log")


def main() -> int:
    """Run, print the table; return the exit code."""
    options = _options()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="iii-kill-") as folder:
        try:
            outcome = run(_plan(options, Path(folder)))
        except (ServiceUnavailable, SdkUnavailable) as reason:
            print(f"skipped: {reason}")
            return 1 if are_required() else 0
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s")
    print("\n".join(_lines(outcome)))
    return 1 if any(outcome.failures.values()) else 0


def _lines(outcome: Outcome) -> Iterator[str]:
    """Yield the tables."""
    yield f"{'killed':<16}{'times':>6}{'away for':>12}{'all back':>12}{'routes back':>14}"
    for name in sorted({outage.name for outage in outcome.outages}):
        own = [outage for outage in outcome.outages if outage.name == name]
        away = max(outage.back_at - outage.killed_at for outage in own)
        restored = max(outage.restored_at - outage.back_at for outage in own)
        back = f"{outcome.back_s[name]:.1f} s" if name in outcome.back_s else ""
        yield f"{name:<16}{len(own):>6}{away:>10.1f} s{restored:>10.1f} s{back:>14}"
    for name, found in outcome.failures.items():
        verdict = "FAILED" if found else "passed"
        yield f"{verdict:<8}{name}"
        for line in (*outcome.facts.get(name, ()), *found):
            yield f"        {line}"


def _plan(options: argparse.Namespace, folder: Path) -> Plan:
    return Plan(
        seconds=options.seconds or (45.0 if options.short else 180.0),
        victims=1 if options.short else 3,
        requests_per_s=options.requests_per_s,
        seed=options.seed,
        folder=folder,
        log=LOG,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one process of each kind")
    parser.add_argument("--seconds", type=float, help="how long at least")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="repeats the order")
    parser.add_argument("--requests-per-s", type=float, default=24.0, help="in all (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
