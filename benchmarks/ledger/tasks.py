"""The bare Celery task that the ledger is compared with."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from .models import Done


@shared_task(acks_late=True, ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def write_row(number: int) -> None:
    """Write one row, as a careful site does to know what was done."""
    Done.objects.create(number=number, at=timezone.now())
