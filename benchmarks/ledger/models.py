"""The row that a bare task writes when it is done. It has no migration: the run makes its table."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Done(models.Model):
    """One piece of work."""

    number = models.PositiveIntegerField()
    at = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[Done]] = models.Manager()

    def __str__(self) -> str:
        return str(self.number)
