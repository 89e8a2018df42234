"""The functions whose deliveries are measured."""

from __future__ import annotations

import os
import time
from typing import Any

from django.utils import timezone

from benchmarks.notes import note
from iii_triggers import function, trigger

from .models import Done


@function("ledger.nothing", triggers=[trigger("queue", topic="ledger.nothing")])
def do_nothing(data: dict[str, Any]) -> None:
    """Do nothing: the ledger itself writes what was done."""


@function("ledger.row", triggers=[trigger("queue", topic="ledger.row")])
def write_row(data: dict[str, Any]) -> None:
    """Write a row too, beside the ledger's own."""
    Done.objects.create(number=data["number"], at=timezone.now())


@function("ledger.latency", triggers=[trigger("queue", topic="ledger.latency")])
def note_latency(data: dict[str, Any]) -> None:
    """Write down how long ago the message was published, in seconds."""
    note(os.environ["NOTES_FOLDER"], "latencies", time.time() - data["published_at"])
