"""What changed, in an order every process agrees on.

Processes poll ``Change`` for revisions they have not seen. The one ``ChangeCounter`` row is
updated in the transaction that makes the change, and its lock is held until commit: revisions
become visible in the order of their numbers, so that a reader never skips one.
"""

from __future__ import annotations

from django.db import models, transaction
from django.db.models import F

KEEP = 1000


class ChangeCounter(models.Model):
    """The newest revision: one row."""

    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)


class ChangeQuerySet(models.QuerySet["Change"]):
    """Changes, recorded and read."""

    def record(self, kind: str, key: str) -> int:
        """Note that the row ``key`` of ``kind`` changed; return the revision."""
        with transaction.atomic(using=self.db):
            revision = _next_revision(self.db)
            self.create(revision=revision, kind=kind, key=key)
            if revision % KEEP == 0:
                self.filter(revision__lte=revision - KEEP).delete()
        return revision

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

    revision = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    key = models.CharField(max_length=64, help_text="Primary key of the row.")

    objects = ChangeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.revision}: {self.kind} {self.key}"


def _next_revision(using: str) -> int:
    counters = ChangeCounter.objects.using(using)
    if not counters.filter(pk=1).update(value=F("value") + 1):
        counters.get_or_create(pk=1)
        counters.filter(pk=1).update(value=F("value") + 1)
    return counters.values_list("value", flat=True).get(pk=1)
