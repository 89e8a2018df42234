"""Compaction: minutes become quarters of an hour, and no run is lost or counted twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from iii_triggers.engine.history.compaction import Compaction
from iii_triggers.models import TypeStat
from tests.support.threads import race


def quarter(*, hours_ago: float) -> datetime:
    then = timezone.now() - timedelta(hours=hours_ago)
    return then.replace(minute=then.minute // 15 * 15, second=0, microsecond=0)


def ended(minute: datetime, *, type_id: str = "http", failed: bool = False, count: int = 1) -> None:
    TypeStat.objects.create(
        minute=minute, trigger_type=type_id, failed=failed, bucket=5, count=count
    )


def compact(compaction: Compaction) -> int:
    steps = 0
    while compaction.step():
        steps += 1
    return steps


def numbers() -> set[tuple[datetime, str, bool, int, int]]:
    rows = TypeStat.objects.values_list("minute", "trigger_type", "failed", "bucket", "count")
    return set(rows)


@pytest.mark.django_db
def test_old_minutes_are_added_up_and_new_ones_stay() -> None:
    old, new = quarter(hours_ago=5), quarter(hours_ago=1)
    for start in (old, new):
        for minute in (0, 1, 14):
            ended(start + timedelta(minutes=minute))
        ended(start + timedelta(minutes=3), failed=True, count=4)
        ended(start + timedelta(minutes=15), type_id="cron")
    assert compact(Compaction()) == 2
    stretched = {
        (old, "http", False, 5, 3),
        (old, "http", True, 5, 4),
        (old + timedelta(minutes=15), "cron", False, 5, 1),
    }
    assert {row for row in numbers() if row[0] < new} == stretched
    assert len(numbers()) == 3 + 5


@pytest.mark.django_db
def test_what_was_added_up_is_not_looked_at_again() -> None:
    old = quarter(hours_ago=5)
    ended(old, count=2)
    compaction = Compaction()
    assert [compact(compaction), compact(compaction)] == [1, 0]
    ended(old + timedelta(minutes=16), count=3)
    assert compact(compaction) == 1
    assert {row[4] for row in numbers()} == {2, 3}


@pytest.mark.django_db
def test_what_comes_late_is_counted_with_the_others() -> None:
    old = quarter(hours_ago=5)
    for late in (1, 2):
        ended(old + timedelta(minutes=late))
        compact(Compaction())
    assert numbers() == {(old, "http", False, 5, 2)}


def test_two_processes_count_nothing_twice(transactional_db: None) -> None:
    old = quarter(hours_ago=5)
    for minute in range(60):
        ended(old + timedelta(minutes=minute), count=10)
    race(*[lambda: compact(Compaction())] * 2)
    assert sum(row[4] for row in numbers()) == 600
    assert len(numbers()) == 4
