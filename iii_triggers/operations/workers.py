"""Disconnecting workers, wherever they are connected."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from iii_triggers.models import Change, Worker

from .audit import log_action

MESSAGE = "Disconnected."


def disconnect(worker: Worker, *, user: Any, message: str = MESSAGE) -> None:
    """Have the node that holds the connection of a worker close it, within a second.

    Part of the caller's transaction, if there is one. The worker is told to come back (1012): an
    SDK connects again by itself, under a new id. What it runs ends with ``invocation_stopped``.
    """
    with transaction.atomic():
        log_action(user, worker, message)
        Change.objects.record(Change.Kind.WORKER, worker.pk)
