"""``manage.py iii_export``: triggers and trigger types of the site as a file for git."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from iii_triggers.conf import settings
from iii_triggers.engine.registrations import is_id
from iii_triggers.operations.config_files.exporting import export
from iii_triggers.operations.config_files.formats import FORMATS, format_of, write_document
from iii_triggers.operations.config_files.problems import ConfigFileError
from iii_triggers.operations.config_files.values import SOURCES, Managed
from iii_triggers.protocol.text import storable


class Command(BaseCommand):
    """Write what the site has to a file, or to standard output."""

    help = "Writes triggers and trigger types of the site as YAML or JSON, always in one order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--output", metavar="FILE", help="default: standard output")
        parser.add_argument(
            "--format", choices=FORMATS, help="default: what the name of FILE says, then yaml"
        )
        parser.add_argument(
            "--source",
            default=",".join(SOURCES),
            help=f"which triggers, separated by commas; default {','.join(SOURCES)}",
        )
        parser.add_argument(
            "--namespace",
            action="append",
            dest="namespaces",
            metavar="N",
            help="only this namespace; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file when all of it is known."""
        output = options["output"]
        managed = Managed(
            sources=_sources(options["source"]), namespaces=_namespaces(options["namespaces"])
        )
        format_ = options["format"] or format_of(output or "") or "yaml"
        try:
            text = write_document(export(managed), format_=format_)
        except ConfigFileError as error:
            raise CommandError(error.message, returncode=2) from error
        if output is None:
            self.stdout.write(text, ending="")
            return
        try:
            Path(output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error}", returncode=2) from error


def _sources(text: str) -> list[str]:
    sources = [name.strip() for name in text.split(",")]
    unknown = sorted(set(sources) - set(SOURCES))
    if unknown:
        known = ", ".join(SOURCES)
        message = f"--source takes {known}, not {', '.join(map(repr, unknown))}."
        raise CommandError(message, returncode=2)
    return sources


def _namespaces(names: list[str] | None) -> list[str] | None:
    if names is not None and not all(is_id(name) and storable(name) == name for name in names):
        limit = settings.III_MAX_ID_LENGTH
        message = f"--namespace takes text of 1 to {limit} characters."
        raise CommandError(message, returncode=2)
    return names
