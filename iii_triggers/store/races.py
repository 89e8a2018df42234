"""Writing a row with a unique key that others may write at the same time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from django.db import IntegrityError, transaction

RACES = 100
"""How often in a row others may be first with a new key, and delete it again."""

T = TypeVar("T")


def outlast_races(work: Callable[[], T]) -> T:
    """Run ``work`` in a transaction, again as long as somebody else wrote the same new key."""
    for _ in range(RACES):
        with suppress(IntegrityError), transaction.atomic():
            return work()
    with transaction.atomic():
        return work()
