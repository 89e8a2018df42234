"""``manage.py iii_apply``: make triggers and trigger types of the site as a file says."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from iii_triggers.management.users import user_named
from iii_triggers.operations.config_files.applying import apply, look
from iii_triggers.operations.config_files.documents import MAX_BYTES
from iii_triggers.operations.config_files.formats import FORMATS, format_of, read_document
from iii_triggers.operations.config_files.parsing import parse
from iii_triggers.operations.config_files.plans import Plan
from iii_triggers.operations.config_files.problems import ConfigFileError
from iii_triggers.operations.config_files.summary import lines_of, totals_of

WOULD_CHANGE = 1
WRONG = 2


class Command(BaseCommand):
    """Apply a config file, or tell what that would change."""

    help = (
        "Makes triggers and trigger types of the site as a file of iii_export says, all of it or "
        "nothing. Exits with 2 if the file is wrong, and with --check 1 if something would change."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", metavar="FILE", help="- reads standard input")
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit with 1 if something would"
        )
        parser.add_argument(
            "--prune",
            action="store_true",
            help="delete what the file manages (its key 'manages') and does not name",
        )
        parser.add_argument(
            "--format", choices=FORMATS, help="default: what the name or the content of FILE says"
        )
        parser.add_argument(
            "--user", metavar="NAME", help="who changes it, for the log of the admin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what was done."""
        user = user_named(options["user"], returncode=WRONG)
        prune = options["prune"]
        try:
            content = _content(options["file"])
            format_ = options["format"] or format_of(options["file"])
            file = parse(read_document(content, format_=format_))
            if options["check"]:
                self._tell(look(file, prune=prune), is_done=False)
            else:
                self._tell(apply(file, prune=prune, user=user), is_done=True)
        except ConfigFileError as error:
            self.stderr.write(error.message)
            raise CommandError("Nothing was changed.", returncode=WRONG) from error

    def _tell(self, planned: Plan, *, is_done: bool) -> None:
        for line in lines_of(planned):
            self.stdout.write(line)
        self.stdout.write(totals_of(planned, is_done=is_done))
        if planned.changes and not is_done:
            sys.exit(WOULD_CHANGE)


def _content(name: str) -> bytes:
    """Return what a file holds, but no more than is too much."""
    if name == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigFileError.of(f"{name} cannot be read: {error}") from error
