"""What all processes share is read in few queries, and not with every scrape."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from iii_triggers.models import Node
from iii_triggers.operations.metrics import shared
from iii_triggers.operations.metrics.shared import SharedReader
from tests.admin.deliveries import make as make_delivery
from tests.operations.test_overview import make_cron

pytestmark = pytest.mark.django_db


def make_node(kind: str, *, silent_s: float = 0, **facts: Any) -> None:
    beat = timezone.now() - timedelta(seconds=silent_s)
    rows = Node.objects
    name = f"{kind}-{rows.count()}"
    rows.create(
        node_id=name, host="h", pid=1, kind=kind, started_at=beat, heartbeat_at=beat, **facts
    )


def test_without_rows_all_is_nought(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):
        found = SharedReader().read()
    assert set(found.deliveries.values()) == set(found.nodes.values()) == {0}
    assert (found.oldest_s, found.late_s, found.cron_late_s, found.draining) == (0, 0, 0, 0)


def test_deliveries_are_counted_and_the_oldest_timed() -> None:
    for number, state in enumerate(("queued", "leased", "retry", "held", "dead"), start=1):
        for _ in range(number):
            make_delivery(state=state)
    make_delivery(
        state="queued", age=timedelta(minutes=5), send_at=timezone.now() - timedelta(minutes=3)
    )
    found = SharedReader().read()
    assert found.deliveries == {"waiting": 2, "running": 2, "retrying": 3, "held": 4, "dead": 5}
    assert found.oldest_s == pytest.approx(300, abs=30)
    assert found.late_s == pytest.approx(180, abs=30)


def test_a_firing_that_is_due_is_late_and_one_to_come_is_not() -> None:
    make_cron("next", in_s=100)
    assert SharedReader().read().cron_late_s == 0
    make_cron("due", in_s=-60)
    assert SharedReader().read().cron_late_s == pytest.approx(60, abs=30)


def test_processes_count_while_they_beat() -> None:
    make_node("asgi")
    make_node("asgi", draining_since=timezone.now())
    make_node("celery")
    make_node("beat", silent_s=3600, draining_since=timezone.now())
    found = SharedReader().read()
    assert found.nodes == {"asgi": 2, "celery": 1, "engine": 0, "beat": 0, "other": 0}
    assert found.draining == 1


def test_many_scrapes_read_once(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, now = SharedReader(), time.monotonic()
    monkeypatch.setattr(shared.time, "monotonic", lambda: now)
    with django_assert_num_queries(3):
        assert reader.read() is reader.read()
    now += shared.FRESH_S
    with django_assert_num_queries(3):
        reader.read()
