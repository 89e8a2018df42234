"""Retention: what is done goes after a while, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery import pruning
from iii_triggers.delivery.claims import lock_lanes
from iii_triggers.delivery.pruning import prune
from iii_triggers.models import Delivery, Lane
from tests.support.threads import Aside

Make = Callable[..., Delivery]

KEPT = {"III_DELIVERY_RETENTION_S": 100, "III_DEAD_RETENTION_S": 1000}


def finished(make: Make, state: str, *, seconds_ago: float | None) -> Delivery:
    row = make()
    at = None if seconds_ago is None else timezone.now() - timedelta(seconds=seconds_ago)
    Delivery.objects.filter(pk=row.pk).update(state=state, finished_at=at)
    return row


@pytest.mark.parametrize("state", ["succeeded", "skipped", "cancelled"])
@override_settings(**KEPT)
def test_what_is_done_is_kept_for_a_while(make: Make, state: str) -> None:
    old, new = (finished(make, state, seconds_ago=ago) for ago in (101, 99))
    assert prune() == 1
    assert Delivery.objects.get() == new != old


@override_settings(**KEPT)
def test_what_is_dead_is_kept_for_longer(make: Make) -> None:
    finished(make, "dead", seconds_ago=1001)
    new = finished(make, "dead", seconds_ago=999)
    assert prune() == 1
    assert Delivery.objects.get() == new


@pytest.mark.parametrize("state", ["queued", "leased", "retry", "held"])
@override_settings(**KEPT)
def test_what_is_not_done_stays(make: Make, state: str) -> None:
    finished(make, state, seconds_ago=10_000)
    finished(make, state, seconds_ago=None)
    assert prune() == 0


@override_settings(**KEPT)
def test_many_go_in_batches(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    for _ in range(5):
        finished(make, "succeeded", seconds_ago=500)
    assert prune() == 5


def test_locks_that_nobody_needs_go(make: Make) -> None:
    make(lane="used")
    done = make(lane="done")
    Delivery.objects.filter(pk=done.pk).update(state="succeeded")
    for name in ("used", "done", "unknown"):
        Lane.objects.create(name=name)
    prune()
    assert list(Lane.objects.values_list("name", flat=True)) == ["used"]


def test_a_lock_that_is_held_stays_and_keeps_nobody_waiting(
    many_writers: None, make: Make, aside: Aside
) -> None:
    with transaction.atomic():
        lock_lanes(["lane"])
        aside.start(prune).result(10)
    assert Lane.objects.exists()


def test_the_oldest_are_found_by_their_index(many_writers: None, make: Make) -> None:
    """Not by reading what is new, of which there may be very much."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        oldest = Delivery.objects.filter(state__in=pruning.DONE, finished_at__lt=timezone.now())
        plan = oldest.order_by("finished_at").values_list("pk")[:10].explain()
        cursor.execute("RESET enable_seqscan")
    assert "iii_delivery_finished" in plan
