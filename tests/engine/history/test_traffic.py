"""Traffic: sums, percentiles and points, from the numbers of runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from iii_triggers.engine.history.buckets import bucket_of
from iii_triggers.engine.history.traffic import (
    TriggerCounts,
    TypeTraffic,
    counts_of_triggers,
    last_failures,
    total,
    traffic,
)
from iii_triggers.models import Invocation, Trigger, TriggerStat, TypeStat

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ended(
    minute: int, count: int = 1, *, type_id: str = "http", ms: float = 1, failed: bool = False
) -> None:
    TypeStat.objects.create(
        minute=NOON + timedelta(minutes=minute),
        trigger_type=type_id,
        failed=failed,
        bucket=bucket_of(ms),
        count=count,
    )


def hour(bucket_s: int = 60) -> list[TypeTraffic]:
    return traffic(since=NOON, until=NOON + timedelta(hours=1), bucket_s=bucket_s)


def test_without_runs_there_is_no_traffic(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        assert hour() == []


def test_runs_are_summed_by_type_and_stretch(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ended(0, 3)
    ended(0, 2, failed=True)
    ended(4, 5, ms=100)
    ended(5, 1)
    ended(0, 7, type_id="cron")
    with django_assert_num_queries(1):
        cron, http = hour(300)
    assert (cron.trigger_type, cron.count, cron.failed) == ("cron", 7, 0)
    assert (http.trigger_type, http.count, http.failed) == ("http", 11, 2)
    points = [(point.start - NOON, point.count, point.failed) for point in http.points]
    assert points == [(timedelta(0), 10, 2), (timedelta(minutes=5), 1, 0)]


def test_the_span_begins_with_its_first_minute_and_ends_before_its_last() -> None:
    for minute in (-1, 0, 59, 60):
        ended(minute)
    [http] = hour()
    assert [point.start.minute for point in http.points] == [0, 59]


def test_percentiles_are_those_of_all_runs_whatever_their_outcome() -> None:
    ended(0, 94, ms=10)
    ended(0, 6, ms=1000, failed=True)
    [http] = hour()
    assert http.p50_ms == pytest.approx(10, rel=0.19)
    assert http.p95_ms == pytest.approx(1000, rel=0.19)
    assert (http.points[0].p50_ms, http.points[0].p95_ms) == (http.p50_ms, http.p95_ms)


def trigger(name: str, namespace: str = "default") -> Trigger:
    return Trigger.objects.create(
        trigger_id=name, namespace=namespace, trigger_type="http", function_id="f"
    )


def hourly(row: Trigger, *, hours_ago: int, succeeded: int, failed: int = 0) -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    TriggerStat.objects.create(
        hour=now - timedelta(hours=hours_ago),
        namespace=row.namespace,
        trigger_id=row.trigger_id,
        succeeded=succeeded,
        failed=failed,
    )


def test_triggers_are_counted_by_namespace_and_id(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    a, b, other, idle = trigger("a"), trigger("b"), trigger("a", "other"), trigger("idle")
    hourly(a, hours_ago=0, succeeded=1, failed=2)
    hourly(a, hours_ago=24, succeeded=10)
    hourly(a, hours_ago=25, succeeded=100)
    hourly(b, hours_ago=1, succeeded=0, failed=4)
    hourly(other, hours_ago=1, succeeded=7)
    with django_assert_num_queries(1):
        counts = counts_of_triggers([a, b, other, idle])
    assert counts == {
        a.pk: TriggerCounts(succeeded=11, failed=2),
        b.pk: TriggerCounts(failed=4),
        other.pk: TriggerCounts(succeeded=7),
        idle.pk: TriggerCounts(),
    }
    assert counts_of_triggers([a], hours=1) == {a.pk: TriggerCounts(succeeded=1, failed=2)}


def test_no_triggers_are_counted_as_none() -> None:
    assert counts_of_triggers([]) == {}


def test_the_last_failures_are_the_newest() -> None:
    for number in range(6):
        status = ("failed", "succeeded", "running")[number % 3]
        Invocation.objects.create(status=status, function_id=f"f{number}", started_at=NOON)
    assert [run.function_id for run in last_failures(1)] == ["f3"]
    assert [run.function_id for run in last_failures(5)] == ["f3", "f0"]


def test_types_add_up_to_a_total() -> None:
    ended(0, 90, ms=1)
    ended(1, 10, ms=1000, type_id="cron", failed=True)
    cron, http = types = hour()
    both = total(types)
    assert (both.count, both.failed) == (100, 10)
    assert (both.p50_ms, both.p95_ms) == pytest.approx((1, 1000), rel=0.19)
    assert both.p95_ms > http.p95_ms
    assert (total([cron]).count, total([]).count, total([]).p95_ms) == (10, 0, 0)
