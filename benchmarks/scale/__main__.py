"""``python -m benchmarks.scale``: load a big site into PostgreSQL, time its pages, print a table.

Exits with 1 if a page takes more than 300 ms (median of 5) or 30 queries, or fails. The database is
made for the run and dropped at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from benchmarks.databases import postgres_database

from .loading import Size, load

BIG = Size(runs=1_000_000, triggers=10_000, deliveries=20_000)
SHORT = Size(runs=100_000, triggers=10_000, deliveries=20_000)


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--short", action="store_true", help="100,000 runs, each page timed once")
    parser.add_argument("--verbose", action="store_true", help="every page, not only the slowest")
    options = parser.parse_args()
    size, repeats = (SHORT, 1) if options.short else (BIG, 5)
    with postgres_database("scale") as database:
        return _measure(database.url, size, repeats=repeats, is_verbose=options.verbose)


def _measure(url: str, size: Size, *, repeats: int, is_verbose: bool) -> int:
    _set_up(url)
    begun = time.monotonic()
    load(url, size, _say)
    _say(f"loaded {size.runs:,} runs in {time.monotonic() - begun:.0f} s")
    # Django is not there before it is set up.
    from .report import report

    return report(repeats=repeats, is_verbose=is_verbose)


def _set_up(url: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.scale.settings"
    os.environ.update(DATABASE_URL=url, SECRET_KEY="only-for-benchmarks", DEBUG="false")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
