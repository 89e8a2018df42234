"""Disconnecting and draining workers, wherever they are connected."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from iii_triggers.models import Change, Worker

from .audit import log_action

DISCONNECTED = "Disconnected."
DRAINED = "Drained."


def disconnect(worker: Worker, *, user: Any, message: str = DISCONNECTED) -> None:
    """Have the node that holds the connection of a worker close it, within a second.

    Part of the caller's transaction, if there is one. The worker is told to come back (1012): an
    SDK connects again by itself, under a new id. What it runs ends with ``invocation_stopped``.
    """
    with transaction.atomic():
        log_action(user, worker, message)
        Change.objects.record(Change.Kind.WORKER, worker.pk)


def drain(worker: Worker, *, user: Any, message: str = DRAINED) -> None:
    """Have a worker get no new calls, and its connection closed once it has finished what it has.

    Part of the caller's transaction, if there is one. The node that holds the connection waits
    ``III_SHUTDOWN_GRACE_S`` at most, then closes it as ``disconnect`` does. Its triggers stay until
    then. Draining a worker that drains already changes nothing.
    """
    with transaction.atomic():
        log_action(user, worker, message)
        now = timezone.now()
        Worker.objects.filter(pk=worker.pk, draining_since=None).update(draining_since=now)
        Change.objects.record(Change.Kind.DRAIN, worker.pk)
