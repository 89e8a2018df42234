"""Due slots become deliveries, once, however many processes look."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from django.utils import timezone

from iii_triggers.delivery.redrive import cancel
from iii_triggers.models import Delivery, Trigger
from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.cron import firing
from iii_triggers.trigger_types.cron.firing import fire_due, fire_now, next_due
from tests.delivery.conftest import Messages

Add = Callable[..., Trigger]

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def note(slot: datetime, *rows: Trigger) -> None:
    """Let the next slot of rows (or all) be this one."""
    chosen = Trigger.objects.filter(pk__in=[row.pk for row in rows]) if rows else Trigger.objects
    chosen.update(next_fire_at=slot)


def finish() -> None:
    Delivery.objects.unfinished().update(state="succeeded")


def slots(**facts: Any) -> list[datetime | None]:
    rows = Delivery.objects.filter(**facts).order_by("scheduled_for")
    return list(rows.values_list("scheduled_for", flat=True))


def test_a_due_slot_becomes_a_delivery(add: Add, messages: Messages) -> None:
    row = add(timeout_ms=500, condition_function_id="may")
    Trigger.objects.update(metadata={"team": "blue"})
    note(NOON)
    now = NOON + timedelta(milliseconds=1, microseconds=234)
    assert fire_due(now) == 1
    delivery = Delivery.objects.get()
    assert json.loads(delivery.payload) == {
        "trigger": "cron",
        "job_id": "job",
        "scheduled_time": "2026-03-03T12:00:00+00:00",
        "actual_time": "2026-03-03T12:00:00.001234+00:00",
    }
    assert (delivery.trigger_type, delivery.trigger_id) == ("cron", "job")
    assert (delivery.function_id, delivery.namespace, delivery.queue) == ("f", "default", "iii")
    assert delivery.lane == f"cron:{row.identity}"
    assert delivery.metadata == {"team": "blue"}
    assert (delivery.scheduled_for, delivery.max_attempts) == (NOON, 1)
    assert delivery.policy["timeout_ms"] == 500
    assert delivery.policy["condition_function_id"] == "may"
    assert messages.sent == [("iii", str(delivery.pk))]
    assert next_due() == NOON + MINUTE


def test_what_is_not_due_is_left_alone(add: Add) -> None:
    add()
    note(NOON)
    assert fire_due(NOON - timedelta(microseconds=1)) == 0
    assert next_due() == NOON
    assert not Delivery.objects.exists()


def test_a_slot_fires_once(add: Add) -> None:
    add()
    note(NOON)
    assert [fire_due(NOON), fire_due(NOON)] == [1, 0]
    finish()
    # Somebody put an old slot back, as a full save of a row read earlier does.
    note(NOON)
    assert fire_due(NOON) == 0
    assert Delivery.objects.count() == 1


def test_identical_triggers_fire_once(add: Add) -> None:
    add("one"), add("two"), add("other", schedule="*/2 * * * *")
    note(NOON)
    assert fire_due(NOON) == 2
    finish()
    # One replica is a tick behind the others.
    note(NOON, Trigger.objects.get(trigger_id="two"))
    assert fire_due(NOON) == 0
    assert Delivery.objects.count() == 2


def test_what_misfired_is_written_down(add: Add, messages: Messages) -> None:
    add("skip"), add("latest", misfire="latest"), add("all", misfire="all")
    note(NOON)
    assert fire_due(NOON + 3 * MINUTE + timedelta(seconds=30)) == 5
    missed = NOON + 3 * MINUTE
    assert slots(trigger_id="skip") == [missed]
    assert slots(trigger_id="skip", state="skipped") == [missed]
    assert slots(trigger_id="latest", state="queued") == [missed]
    assert slots(trigger_id="latest", state="skipped") == [missed - MINUTE]
    assert slots(trigger_id="all", state="queued") == [NOON + n * MINUTE for n in range(4)]
    assert len(messages.sent) == 5
    assert next_due() == NOON + 4 * MINUTE


def test_a_slot_is_skipped_while_another_firing_runs(add: Add) -> None:
    add()
    note(NOON)
    fire_due(NOON)
    assert fire_due(NOON + MINUTE) == 0
    assert Delivery.objects.get(state="skipped").error == f"The firing of {NOON} still runs."
    finish()
    assert fire_due(NOON + 2 * MINUTE) == 1


def test_firings_that_may_overlap_do(add: Add) -> None:
    add(overlap="allow")
    note(NOON)
    assert [fire_due(NOON), fire_due(NOON + MINUTE)] == [1, 1]
    assert set(Delivery.objects.values_list("ordering_key", flat=True)) == {""}


def test_slots_that_fire_together_run_in_turn(add: Add) -> None:
    add(misfire="all")
    note(NOON)
    fire_due(NOON + 3 * MINUTE)
    assert len(set(Delivery.objects.values_list("lane", "ordering_key"))) == 1
    assert Delivery.objects.exclude(ordering_key="").count() == 4


def test_a_schedule_may_end(add: Add) -> None:
    row = add()
    last = {"schedule": "59 59 23 31 12 ? 2025"}
    Trigger.objects.filter(pk=row.pk).update(config=last)
    slot = datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    note(slot)
    assert fire_due(slot) == 1
    assert Trigger.objects.get().next_fire_at is None
    assert next_due() is None


def test_a_config_that_is_invalid_now_stops(add: Add) -> None:
    row = add()
    add("good", schedule="*/2 * * * *")
    Trigger.objects.filter(pk=row.pk).update(config={"schedule": "nonsense"})
    note(NOON)
    assert fire_due(NOON) == 1
    assert Trigger.objects.get(pk=row.pk).next_fire_at is None


def test_a_disabled_trigger_does_not_fire(add: Add) -> None:
    add()
    Trigger.objects.update(enabled=False, next_fire_at=NOON)
    assert (next_due(), fire_due(NOON)) == (None, 0)


@override_settings(III_MAX_PAYLOAD_BYTES=200)
def test_a_trigger_that_cannot_be_fired_does_not_stop_the_others(add: Add) -> None:
    add("x" * 200), add("good", schedule="*/2 * * * *")
    note(NOON)
    assert fire_due(NOON) == 1
    assert Delivery.objects.get().trigger_id == "good"
    assert next_due() == NOON


def test_a_database_that_is_away_is_the_callers_matter(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError

    add()
    note(NOON)
    monkeypatch.setattr(firing, "_move_on", fail)
    with pytest.raises(OperationalError):
        fire_due(NOON)
    assert not Delivery.objects.exists()
    assert next_due() == NOON


def test_more_than_a_batch_is_fired_at_once(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "BATCH", 2)
    for number in range(5):
        add(f"job-{number}", timeout_ms=number + 1)
    note(NOON)
    assert fire_due(NOON) == 5


def test_a_batch_costs_a_handful_of_queries(
    add: Add, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(50):
        add(f"job-{number}", timeout_ms=number + 1)
    note(NOON)
    with django_assert_max_num_queries(11):
        assert fire_due(NOON) == 50


def test_two_processes_fire_every_slot_once(add: Add) -> None:
    """They race for the same rows, and each row fires in one of them."""
    for number in range(40):
        add(f"job-{number}", timeout_ms=number + 1, overlap="allow")
    fired: list[int] = []
    start = threading.Barrier(4)

    def beat() -> None:
        try:
            for tick in range(5):
                start.wait(20)
                if tick == 0 or connection.vendor == "sqlite":
                    connection.close()
                fired.append(fire_due(NOON + tick * MINUTE))
        finally:
            connection.close()

    note(NOON)
    threads = [threading.Thread(target=beat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(fired) == Delivery.objects.count() == 5 * 40
    assert not Delivery.objects.exclude(state="queued").exists()


def test_fires_by_hand_beside_the_schedule(add: Add, messages: Messages) -> None:
    row = add()
    noted = row.next_fire_at
    delivery = Delivery.objects.get(pk=fire_now(row))
    assert delivery.scheduled_for is None
    assert json.loads(delivery.payload)["job_id"] == "job"
    assert messages.ids == [str(delivery.pk)]
    row.refresh_from_db()
    assert row.next_fire_at == noted
    note(NOON)
    assert fire_due(NOON) == 0
    assert Delivery.objects.get(state="skipped").error == "A firing by hand still runs."


def test_fires_by_hand_what_is_disabled(add: Add) -> None:
    row = add()
    row.enabled = False
    row.save()
    lane = Delivery.objects.get(pk=fire_now(row)).lane
    row.enabled = True
    row.save()
    assert lane == f"cron:{row.identity}"


def test_does_not_fire_by_hand_what_has_no_schedule(add: Add) -> None:
    row = add()
    row.config = {}
    with pytest.raises(InvalidConfig):
        fire_now(row)


def test_a_cancelled_firing_does_not_fire_again(add: Add) -> None:
    add()
    note(NOON)
    fire_due(NOON)
    cancel(Delivery.objects.all())
    note(NOON)
    assert fire_due(NOON) == 0
    assert fire_due(NOON + MINUTE) == 1


def test_a_tick_among_ten_thousand_triggers_is_short(messages: Messages) -> None:
    later = timezone.now() + timedelta(hours=1)
    Trigger.objects.bulk_create(
        Trigger(
            trigger_id=f"job-{number}",
            trigger_type="cron",
            function_id="f",
            config={"schedule": "0 12 * * *"},
            identity=f"cron:{number}",
            next_fire_at=later,
        )
        for number in range(10_000)
    )
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        fire_due(timezone.now())
        took.append((time.perf_counter() - begun) * 1000)
    # The lower quartile: other processes of a busy machine make single ticks longer.
    print(f"tick with 10,000 triggers: {sorted(took)[5]:.2f} ms")
    assert sorted(took)[5] < 50
    Trigger.objects.filter(pk__in=Trigger.objects.values("pk")[:100]).update(next_fire_at=NOON)
    begun = time.perf_counter()
    assert fire_due(NOON) == 100
    print(f"tick with 100 due of 10,000: {(time.perf_counter() - begun) * 1000:.2f} ms")
