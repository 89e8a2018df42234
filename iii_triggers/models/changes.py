"""What changed, in an order every process agrees on.

Processes poll ``Change`` for revisions they have not seen. The one ``ChangeCounter`` row is
updated in the transaction that makes the change, and its lock is held until commit: revisions
become visible in the order of their numbers, so that a reader never skips one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

from django.db import models, transaction
from django.db.models import F
from django.dispatch import Signal

KEEP = 1000
"""So many changes are there at least, if there ever were; who missed more reads everything."""

changes_committed = Signal()
"""Sent by ``Change`` when changes that this process recorded are there for everybody to read."""

_gathered: ContextVar[list[tuple[str, str]] | None] = ContextVar("iii_gathered", default=None)


@contextmanager
def gathered_changes() -> Iterator[None]:
    """Record the changes that rows note inside, a transaction, at its end and all at once.

    The counter is locked until commit: a transaction that changes thousands of rows would keep
    everybody waiting from its first one on.
    """
    changes: list[tuple[str, str]] = []
    token = _gathered.set(changes)
    try:
        yield
    finally:
        _gathered.reset(token)
    if changes:
        Change.objects.all().record_all(changes)


class ChangeCounter(models.Model):
    """The newest revision: one row."""

    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)


class ChangeQuerySet(models.QuerySet["Change"]):
    """Changes, recorded and read."""

    def note(self, kind: str, key: str) -> None:
        """Record a change: now, or at the end of ``gathered_changes``."""
        gathered = _gathered.get()
        if gathered is None:
            self.record(kind, key)
        else:
            gathered.append((kind, key))

    def record(self, kind: str, key: str) -> int:
        """Note that the row ``key`` of ``kind`` changed; return the revision."""
        return self.record_all([(kind, key)])

    def record_all(self, changes: Sequence[tuple[str, str]]) -> int:
        """Note changes, as kind and key of a row each; return the newest revision."""
        with transaction.atomic(using=self.db):
            newest = _advance(self.db, len(changes))
            first = newest - len(changes) + 1
            rows = [
                Change(revision=revision, kind=kind, key=key)
                for revision, (kind, key) in enumerate(changes, first)
            ]
            self.bulk_create(rows)
            if newest // KEEP > (first - 1) // KEEP:
                # However many these are, everybody still learns of those just before them.
                self.filter(revision__lte=first - KEEP).delete()
            told = partial(changes_committed.send, sender=Change)
            transaction.on_commit(told, using=self.db, robust=True)
        return newest

    def since(self, revision: int) -> list[Change]:
        """Return the changes after ``revision``, oldest first."""
        return list(self.filter(revision__gt=revision).order_by("revision"))

    def newest_revision(self) -> int:
        """Return the newest revision, 0 if nothing ever changed."""
        return ChangeCounter.objects.using(self.db).values_list("value", flat=True).first() or 0


class Change(models.Model):
    """One change: which row of which kind."""

    class Kind(models.TextChoices):
        """What a change is about."""

        TRIGGER = "trigger", "trigger"
        TRIGGER_TYPE = "trigger_type", "trigger type"
        FUNCTION = "function", "functions of a worker"
        TOKEN = "token", "worker token"
        CONFIGURATION = "configuration", "configuration"
        WORKER = "worker", "worker to be disconnected"
        DRAIN = "drain", "worker to be drained"

    revision = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    key = models.CharField(max_length=64, help_text="Primary key of the row.")

    objects = ChangeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.revision}: {self.kind} {self.key}"


def _advance(using: str, number: int) -> int:
    """Count ``number`` revisions on; return the newest."""
    counters = ChangeCounter.objects.using(using)
    if not counters.filter(pk=1).update(value=F("value") + number):
        counters.get_or_create(pk=1)
        counters.filter(pk=1).update(value=F("value") + number)
    return counters.values_list("value", flat=True).get(pk=1)
