"""Publish in a process that is killed right after its commit.

``python -m benchmarks.soak.commit_and_die COUNT``. The sender of Celery messages never runs.
"""

from __future__ import annotations

import os
import signal
import sys
from unittest import mock

import django
from django.db import transaction

from benchmarks.notes import note

from .orders import ACKNOWLEDGED
from .topic import TOPIC


def main(count: int) -> None:
    """Roll back negative numbers, commit positive ones, die."""
    from iii_triggers import enqueue

    with transaction.atomic():
        for number in range(1, count + 1):
            enqueue(TOPIC, {"n": -number})
        transaction.set_rollback(True)
    with transaction.atomic():
        for number in range(1, count + 1):
            enqueue(TOPIC, {"n": number})
    for number in range(1, count + 1):
        note(os.environ["NOTES_FOLDER"], ACKNOWLEDGED, number)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    django.setup()
    with mock.patch("iii_triggers.delivery.create.send_all"):
        main(int(sys.argv[1]))
