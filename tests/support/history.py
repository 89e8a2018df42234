"""Runs and their numbers, as the history would have written them."""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import randbits
from typing import Any
from uuid import UUID

from django.utils import timezone

from iii_triggers.engine.history.buckets import bucket_of
from iii_triggers.models import Invocation, TypeStat
from iii_triggers.models.ordered_ids import least_id_at


def make_run(*, age: timedelta = timedelta(), **facts: Any) -> Invocation:
    """Write a run that started ``age`` ago; it succeeded unless the facts say otherwise."""
    started = timezone.now() - age
    row: dict[str, Any] = {
        "id": UUID(int=least_id_at(started).int | randbits(60)),
        "status": "succeeded",
        "function_id": "demo.greet",
        "trigger_type": "http",
        "started_at": started,
        "duration_ms": 12.5,
        **facts,
    }
    if row["status"] == "failed":
        row = {"error_code": "invocation_failed", "error": "It broke.", **row}
    return Invocation.objects.create(**row)


def count_runs(
    count: int = 1,
    *,
    type_id: str = "http",
    ms: float = 10.0,
    failed: bool = False,
    at: datetime | None = None,
) -> None:
    """Write the number of runs that ended in a minute, by default in this one."""
    minute = (at or timezone.now()).replace(second=0, microsecond=0)
    TypeStat.objects.create(
        minute=minute, trigger_type=type_id, failed=failed, bucket=bucket_of(ms), count=count
    )
