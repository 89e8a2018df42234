"""The functions of the site under soak."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.notes import note
from iii_triggers import current_invocation, function, trigger

from .topic import TOPIC


@function("soak.site", triggers=[trigger("queue", topic=TOPIC)])
def take_number(data: dict[str, Any]) -> None:
    """Write down a number that was published."""
    note(os.environ["NOTES_FOLDER"], "soak.site", data["n"])


@function("soak.cron")
def take_slot(data: dict[str, Any]) -> None:
    """Write down the slot of a cron trigger."""
    invocation = current_invocation()
    delivery_id = invocation.metadata["delivery_id"] if invocation is not None else None
    note(os.environ["NOTES_FOLDER"], "soak.cron", {**data, "delivery_id": delivery_id})
