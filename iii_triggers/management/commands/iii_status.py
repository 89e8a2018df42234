"""``manage.py iii_status``: how the engine stands, for people and for monitoring."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import Style, no_style
from django.db import Error as DatabaseProblem

from iii_triggers.management import status_report
from iii_triggers.management.terminal import reader_may_go, wants_colour
from iii_triggers.operations.problems import CODES
from iii_triggers.operations.status import Status, look

DEFAULT = "engine,late,cron,dead"
NEEDS_ATTENTION, CANNOT_TELL = 1, 2
"""Exit codes; monitoring knows them as "warning" and "critical"."""


def codes(text: str) -> set[str]:
    """Convert an argument to codes of problems; ``all`` and ``none`` stand for those."""
    if text in ("all", "none"):
        return set(CODES) if text == "all" else set()
    named = {name.strip() for name in text.split(",") if name.strip()}
    unknown = ", ".join(sorted(named - set(CODES)))
    if unknown or not named:
        raise ArgumentTypeError(f"unknown: {unknown or 'nothing'}; there are {', '.join(CODES)}")
    return named


class Command(BaseCommand):
    """Print how the engine stands."""

    help = (
        "Prints how the engine stands: processes, workers, triggers, deliveries, the runs of the "
        "last hour, the next cron firings. Exit code 1 if one of the problems of --fail-on is "
        "there, 2 if the database does not answer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        known = "; ".join(f"{code}: {meaning}" for code, meaning in CODES.items())
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--fail-on",
            type=codes,
            default=DEFAULT,
            metavar="PROBLEMS",
            help=f"problems that give exit code 1, or all, or none; default {DEFAULT}. {known}",
        )

    def handle(self, **options: Any) -> None:
        """Look, print, and tell by the exit code."""
        failing: set[str] = options["fail_on"]
        try:
            status = look()
        except DatabaseProblem as error:
            text = f"The database does not answer: {error}"
            raise CommandError(text.strip(), returncode=CANNOT_TELL) from error
        with reader_may_go():
            if options["json"]:
                report = status_report.as_json(status, failing=failing)
                self.stdout.write(json.dumps(report, indent=2))
            else:
                is_coloured = options["force_color"] or wants_colour(self.stdout)
                self._print(status, failing, self.style if is_coloured else no_style())
        if any(problem.code in failing for problem in status.problems):
            raise SystemExit(NEEDS_ATTENTION)

    def _print(self, status: Status, failing: set[str], style: Style) -> None:
        for line in status_report.lines(status):
            self.stdout.write(line)
        for problem in status.problems:
            colour = style.ERROR if problem.code in failing else style.WARNING
            self.stdout.write(colour(f"! {problem.text}  [{problem.code}]"))
