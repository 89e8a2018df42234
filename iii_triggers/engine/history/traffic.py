"""Traffic: what pages and commands tell of many runs, read from the numbers, not from the runs.

A run counts where it ended. Every function here is one query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import BigIntegerField, Func, Sum
from django.utils import timezone

from iii_triggers.models import Invocation, Trigger, TriggerStat, TypeStat

from .percentiles import percentile_ms

Row = tuple[str, int, bool, int, int]
"""Trigger type, number of the stretch since the epoch, whether it failed, bucket, runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The runs of a trigger type that ended in one stretch of time."""

    start: datetime
    count: int
    failed: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeTraffic:
    """The runs of a trigger type over a span; ``trigger_type`` is "" for direct calls.

    ``points`` are in the order of time; a stretch without runs has none.
    """

    trigger_type: str
    count: int
    failed: int
    p50_ms: float
    p95_ms: float
    points: tuple[Point, ...]
    durations: Mapping[int, int]
    """Runs by bucket of how long they took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The runs of several trigger types together."""

    count: int
    failed: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerCounts:
    """How many runs of a trigger ended, and how."""

    succeeded: int = 0
    failed: int = 0


def traffic(*, since: datetime, until: datetime, bucket_s: int) -> list[TypeTraffic]:
    """Return the runs that ended from ``since`` to before ``until``, by trigger type in order.

    A point covers ``bucket_s`` seconds and starts at a multiple of them since the epoch. Numbers
    are kept for minutes, and for quarters of an hour once they are ``compaction.FINE_S`` old:
    both times and ``bucket_s`` should be multiples of 60, or of 900 for a longer span.
    """
    # Sorted here: a database that has to sort texts takes several times as long.
    rows = sorted(_numbers(since=since, until=until, bucket_s=bucket_s))
    by_type = groupby(rows, key=lambda row: row[0])
    return [_type_traffic(type_id, list(group), bucket_s) for type_id, group in by_type]


def total(types: Collection[TypeTraffic]) -> Total:
    """Return the runs of these types as one; without a query."""
    durations: Counter[int] = Counter()
    for one in types:
        durations.update(one.durations)
    return Total(**_facts(durations, sum(one.failed for one in types)))


def counts_of_triggers(
    triggers: Collection[Trigger], *, hours: int = 24
) -> dict[int, TriggerCounts]:
    """Return by primary key what each trigger did in the last hours, the begun ones included."""
    begin = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
    sums = (
        TriggerStat.objects.filter(
            namespace__in={trigger.namespace for trigger in triggers},
            trigger_id__in={trigger.trigger_id for trigger in triggers},
            hour__gte=begin,
        )
        .values_list("namespace", "trigger_id")
        .annotate(succeeded_sum=Sum("succeeded"), failed_sum=Sum("failed"))
        .order_by()
    )
    counts = {
        (namespace, trigger_id): TriggerCounts(succeeded=succeeded, failed=failed)
        for namespace, trigger_id, succeeded, failed in sums
    }
    nothing = TriggerCounts()
    return {
        trigger.pk: counts.get((trigger.namespace, trigger.trigger_id), nothing)
        for trigger in triggers
    }


def last_failures(limit: int) -> list[Invocation]:
    """Return the runs that failed last, the newest first."""
    return list(Invocation.objects.failed().order_by("-id")[:limit])


class _Epoch(Func):
    """Whole seconds since the epoch."""

    output_field = BigIntegerField()
    template = "date_part('epoch', %(expressions)s)::bigint"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # The template and the parameters of the query each take one doubling away.
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


def _numbers(*, since: datetime, until: datetime, bucket_s: int) -> Iterable[Row]:
    return (
        TypeStat.objects.filter(minute__gte=since, minute__lt=until)
        .annotate(stretch=_Epoch("minute") / bucket_s)
        .order_by()
        .values_list("trigger_type", "stretch", "failed", "bucket")
        .annotate(runs=Sum("count"))
    )


def _type_traffic(type_id: str, rows: list[Row], bucket_s: int) -> TypeTraffic:
    durations, failed = _counted(rows)
    return TypeTraffic(
        trigger_type=type_id,
        points=tuple(_points(rows, bucket_s)),
        durations=durations,
        **_facts(durations, failed),
    )


def _points(rows: list[Row], bucket_s: int) -> Iterator[Point]:
    for stretch, group in groupby(rows, key=lambda row: row[1]):
        start = datetime.fromtimestamp(stretch * bucket_s, UTC)
        yield Point(start=start, **_facts(*_counted(group)))


def _counted(rows: Iterable[Row]) -> tuple[Counter[int], int]:
    """Return the runs by bucket, and how many failed."""
    durations: Counter[int] = Counter()
    failed = 0
    for _, _, is_failed, bucket, runs in rows:
        durations[bucket] += runs
        failed += runs if is_failed else 0
    return durations, failed


def _facts(durations: Counter[int], failed: int) -> dict[str, Any]:
    return {
        "count": durations.total(),
        "failed": failed,
        "p50_ms": percentile_ms(durations, 50),
        "p95_ms": percentile_ms(durations, 95),
    }
