"""The overview counts what is there, each part of it in one query."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from iii_triggers.models import Function, Node, Trigger, Worker
from iii_triggers.models.ordered_ids import moment_of
from iii_triggers.operations import overview
from iii_triggers.operations.overview import Backlog, Workers
from tests.admin.deliveries import make as make_delivery

pytestmark = pytest.mark.django_db

STATES = ("queued", "leased", "retry", "held", "dead")


def make_cron(identity: str, *, in_s: float, **facts: Any) -> Trigger:
    trigger = Trigger.objects.create(
        trigger_type="cron", function_id=f"f.{identity}", config={"schedule": "0 9 * * *"}, **facts
    )
    due = timezone.now() + timedelta(seconds=in_s)
    Trigger.objects.filter(pk=trigger.pk).update(identity=identity, next_fire_at=due)
    return trigger


def test_without_rows_there_is_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(6):
        assert overview.processes() == []
        assert overview.workers() == Workers()
        assert overview.backlog() == Backlog()
        assert overview.next_firings() == []
        assert overview.function_count() == 0
        assert set(overview.triggers_by_state().values()) == {0}


def test_deliveries_are_counted_by_state(django_assert_num_queries: Any) -> None:
    for number, state in enumerate(STATES, start=1):
        for _ in range(number):
            make_delivery(state=state)
    for state in ("succeeded", "cancelled", "skipped"):
        make_delivery(state=state)
    with django_assert_num_queries(1):
        found = overview.backlog()
    assert (found.waiting, found.running, found.retrying) == (1, 2, 3)
    assert (found.held, found.dead) == (4, 5)
    assert found.due_since is None


def test_the_oldest_that_waits_is_found_in_both_states() -> None:
    make_delivery(state="held", age=timedelta(hours=9))
    make_delivery(state="queued", age=timedelta(hours=1))
    oldest = make_delivery(state="retry", age=timedelta(hours=2))
    assert overview.backlog().oldest_waiting == oldest.created_at
    assert abs(moment_of(oldest.pk) - oldest.created_at) < timedelta(seconds=1)


def test_what_is_due_and_not_sent_is_noticed() -> None:
    now = timezone.now()
    make_delivery(state="dead", send_at=now - timedelta(hours=9))
    make_delivery(state="queued", send_at=now - timedelta(seconds=90))
    make_delivery(state="retry", send_at=now + timedelta(seconds=90))
    assert overview.backlog().due_since == now - timedelta(seconds=90)


def test_many_rows_are_counted_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "MAX_COUNTED", 2)
    for _ in range(5):
        make_delivery(state="dead")
        Function.objects.create(function_id=f"f{_}")
    assert overview.backlog().dead == 3
    assert overview.function_count() == 3


def test_workers_are_counted_and_the_newest_listed(
    make_worker: Callable[[], Worker], django_assert_num_queries: Any
) -> None:
    rows = [make_worker() for _ in range(7)]
    Worker.objects.update(in_flight=3)
    with django_assert_num_queries(1):
        found = overview.workers(newest=2)
    assert (found.count, found.in_flight) == (7, 21)
    assert [row.pk for row in found.newest] == [rows[6].pk, rows[5].pk]


def test_a_process_that_is_silent_is_not_alive(settings: Any) -> None:
    settings.III_NODE_TIMEOUT_S = 30
    now = timezone.now()
    for host, age_s in (("a", 3), ("b", 31)):
        Node.objects.create(
            node_id=host,
            host=host,
            pid=1,
            started_at=now,
            heartbeat_at=now - timedelta(seconds=age_s),
        )
    young, old = overview.processes()
    assert (young.is_alive, old.is_alive) == (True, False)
    assert old.heartbeat_age_s == pytest.approx(31, abs=1)


def test_a_clock_that_is_ahead_makes_no_negative_age() -> None:
    now = timezone.now()
    later = now + timedelta(seconds=5)
    Node.objects.create(node_id="n", host="h", pid=1, started_at=now, heartbeat_at=later)
    assert overview.processes()[0].heartbeat_age_s == 0


def test_the_next_firings_come_in_order_and_identical_triggers_once() -> None:
    make_cron("b", in_s=20)
    make_cron("a", in_s=10)
    make_cron("a", in_s=10)
    make_cron("", in_s=30)
    make_cron("", in_s=40)
    make_cron("off", in_s=1, enabled=False)
    found = overview.next_firings()
    assert [firing.trigger.function_id for firing in found] == ["f.a", "f.b", "f.", "f."]
    assert [firing.at for firing in overview.next_firings(1)] == [found[0].at]


def test_a_trigger_that_was_switched_off_counts_as_disabled() -> None:
    for state in ("active", "active", "parked", "rejected"):
        Trigger.objects.create(trigger_type="http", function_id="f", state=state)
    Trigger.objects.filter(state="parked").update(enabled=False)
    counts = overview.triggers_by_state()
    assert counts == {"active": 2, "parked": 0, "rejected": 1, "disabled": 1}


def test_one_function_of_several_workers_is_one(make_worker: Callable[[], Worker]) -> None:
    for worker in (make_worker(), make_worker()):
        Function.objects.create(function_id="f", worker=worker)
    Function.objects.create(function_id="f", namespace="other")
    assert overview.function_count() == 2
