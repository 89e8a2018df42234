"""``manage.py iii_tail``: follow the runs live, in the terminal."""

from __future__ import annotations

import re
import select
import signal
import threading
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import Error as DatabaseProblem
from django.db import connection
from django.utils import timezone

from iii_triggers.conf import settings
from iii_triggers.management.run_lines import json_of, line_of
from iii_triggers.management.terminal import reader_may_go, wants_colour
from iii_triggers.models import Invocation
from iii_triggers.operations.following import Filters, Follower

POLL_S = 0.5
LONGEST_PAUSE_S = 10.0
LINES = 10
MAX_LINES = 100_000
UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
MAX_AGE = timedelta(days=3650)


def age(text: str) -> timedelta:
    """Convert an argument such as ``90``, ``30s``, ``5m``, ``2h`` or ``1d`` to a length of time."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    if found is None:
        raise ArgumentTypeError(f"no length of time such as 30s, 5m, 2h or 1d: {text!r}")
    return min(timedelta(seconds=int(found[1]) * UNITS_S[found[2]]), MAX_AGE)


def number(text: str) -> int:
    """Convert an argument to a number of lines."""
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_LINES):
        raise ArgumentTypeError(f"no number from 0 to {MAX_LINES}: {text!r}")
    return int(text)


class Command(BaseCommand):
    """Print runs as they end, until a signal or until nobody reads."""

    help = (
        "Prints the last runs and then those that end, each on a line: when it started, status, "
        "duration, function, trigger, worker, error. It reads the history in the database, so it "
        "sees the runs of every process. Ends on SIGINT and SIGTERM, and when its reader goes."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stop = threading.Event()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--function", default="", metavar="ID", help="runs of this function")
        parser.add_argument("--trigger", default="", metavar="ID", help="runs by this trigger")
        parser.add_argument(
            "--status",
            default="",
            choices=Invocation.Status.values,
            help="runs with this status; running ones are shown once they take a second",
        )
        parser.add_argument(
            "--since", type=age, metavar="AGE", help="first what started so long ago: 30s, 5m, 2h"
        )
        parser.add_argument(
            "--lines",
            type=number,
            metavar="N",
            help=f"first the last N runs; default {LINES}, with --since all",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object for each run")

    def handle(self, **options: Any) -> None:
        """Print until the end."""
        filters = Filters(
            function_id=options["function"],
            trigger_id=options["trigger"],
            status=options["status"],
        )
        if settings.III_HISTORY != "all":
            self.stderr.write(f'III_HISTORY is "{settings.III_HISTORY}": not every run is kept.')
        self._stop_on_signal()
        with reader_may_go():
            self._follow(Follower(filters=filters), options, self._line(options))

    def _follow(
        self, follower: Follower, options: dict[str, Any], line: Callable[[Invocation], str]
    ) -> None:
        since = timezone.now() - options["since"] if options["since"] is not None else None
        default = LINES if since is None else None
        at_most = default if options["lines"] is None else options["lines"]
        try:
            self._print(map(line, follower.begin(since=since, at_most=at_most)))
        except DatabaseProblem as error:
            raise CommandError(f"The database does not answer: {error}") from error
        failures = 0
        while not self.stop.wait(min(POLL_S * 2**failures, LONGEST_PAUSE_S)) and self._is_read():
            try:
                self._print(map(line, follower.look()))
                failures = 0
            except DatabaseProblem as error:
                failures += 1
                connection.close()
                if failures == 1:
                    self.stderr.write(f"The database does not answer, it is tried again: {error}")

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)
            if self.stop.is_set():
                break
        self.stdout.flush()

    def _line(self, options: dict[str, Any]) -> Callable[[Invocation], str]:
        if options["json"]:
            return json_of
        is_coloured = options["force_color"] or wants_colour(self.stdout)
        style = self.style if is_coloured else no_style()
        return lambda run: line_of(run, style)

    def _is_read(self) -> bool:
        """Tell whether a reader is left; a pipe would tell only when the next line is written."""
        try:
            descriptor = self.stdout.fileno()
            poll = select.poll()
        except (AttributeError, OSError, ValueError):
            return True
        poll.register(descriptor, select.POLLERR)
        return not poll.poll(0)

    def _stop_on_signal(self) -> None:
        """End in peace on SIGINT and SIGTERM; only the main thread may say so."""
        if threading.current_thread() is threading.main_thread():
            for one in (signal.SIGINT, signal.SIGTERM):
                signal.signal(one, lambda *_: self.stop.set())
