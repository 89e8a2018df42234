"""``python -m benchmarks.soak``: kill processes, print the account, exit with 1 on any loss.

Everything is bounded in time. Only processes that were started here are killed, by their id; the
databases and the Redis are made for the run and go with it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from tests.support.services import ServiceUnavailable, are_required

from . import beats, embedded, rollback, separate
from .plan import Outcome, Plan
from .shorter import described

OUTPUT = Path("test-output") / "soak.json"
PARTS: dict[str, Callable[[Plan], Outcome]] = {
    "rollback": rollback.run,
    "beats": beats.run,
    "embedded": embedded.run,
    "separate": separate.run,
}


def main() -> int:
    """Run the parts; return the exit code."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="iii-soak-") as folder:
        plan = _plan(options, Path(folder))
        outcomes = [_run(name, plan) for name in options.parts]
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes)))
    print("\n".join(_lines(plan, outcomes)))
    return 1 if any(outcome.failures for outcome in outcomes) else 0


def _run(name: str, plan: Plan) -> Outcome:
    """Run a part; one that raises has failed, one without its servers is skipped.

    Where servers are required, as in ``.ci/run``, that is a failure too.
    """
    plan.say(f"{name} ...")
    started = time.monotonic()
    try:
        outcome = PARTS[name](plan)
    except ServiceUnavailable as reason:
        failures = ("a server is missing",) if are_required() else ()
        outcome = Outcome(part=name, facts=(), failures=failures, skipped=str(reason))
    except Exception as error:  # noqa: BLE001 - the other parts are to run, whatever it was
        traceback.print_exc()
        outcome = Outcome(part=name, facts=(), failures=(f"{type(error).__name__}: {error}",))
    plan.say(f"  {'; '.join((*outcome.facts, *outcome.failures)) or outcome.skipped}")
    return replace(outcome, seconds=round(time.monotonic() - started, 1))


def _lines(plan: Plan, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the table."""
    yield f"seed {plan.seed}; {described()}"
    for outcome in outcomes:
        verdict = "FAILED" if outcome.failures else "skipped" if outcome.skipped else "passed"
        yield f"{verdict:<8} {outcome.part} ({outcome.seconds:.0f} s)"
        for line in (*outcome.facts, *outcome.failures, *filter(None, [outcome.skipped])):
            yield f"         {line}"


def _plan(options: argparse.Namespace, folder: Path) -> Plan:
    return Plan(
        messages=options.messages or (600 if options.short else 5000),
        publishing_s=10 if options.short else 90,
        engine_kills=3 if options.short else 12,
        rounds=1 if options.short else 3,
        longest_s=60 if options.short else 600,
        settling_s=60 if options.short else 300,
        two_beats_s=20 if options.short else 120,
        beat_down_s=15 if options.short else 60,
        seed=options.seed,
        folder=folder,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--short", action="store_true", help="under three minutes, for CI")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="repeats the strikes")
    parser.add_argument("--messages", type=int, help="how many to publish")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
