"""The scheduler of celery beat: cron triggers, the site's periodic tasks, and trouble."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from celery.beat import EmbeddedService
from django.db import OperationalError
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler
from kombu.simple import SimpleQueue

from iii_triggers import beat
from iii_triggers.beat import MAX_PAUSE_S, TriggerScheduler
from iii_triggers.delivery.queues import DEFAULT_QUEUE
from iii_triggers.engine.core import Engine
from iii_triggers.models import Delivery, Node, Trigger
from tests.delivery.conftest import Messages, messages

__all__ = ["messages"]

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def app(messages: Messages) -> Iterator[Celery]:
    app = Celery("beat-test", broker="memory://", set_as_current=False)
    app.conf.task_default_queue = "site"
    yield app
    for name in ("site", DEFAULT_QUEUE):
        taken(app, name)
    app.close()


@pytest.fixture
def scheduler(app: Celery) -> Iterator[TriggerScheduler]:
    scheduler = TriggerScheduler(app)
    yield scheduler
    scheduler.close()


def add(schedule: str = "* * * * * *", **config: Any) -> Trigger:
    return Trigger.objects.create(
        trigger_id=schedule,
        trigger_type="cron",
        function_id="f",
        config={"schedule": schedule, "overlap": "allow", **config},
    )


def make_due(row: Trigger) -> datetime:
    slot = timezone.now().replace(microsecond=0)
    Trigger.objects.filter(pk=row.pk).update(next_fire_at=slot)
    return slot


@pytest.fixture
def periodic_task(messages: Messages) -> PeriodicTask:
    """A periodic task of the site that is due."""
    interval, _ = IntervalSchedule.objects.get_or_create(every=10, period="seconds")
    return PeriodicTask.objects.create(
        name="mine",
        task="site.task",
        interval=interval,
        last_run_at=timezone.now() - timedelta(hours=1),
    )


def taken(app: Celery, queue: str) -> list[str]:
    """Return the names of the tasks that wait in a queue, and take them out."""
    with app.connection_for_read() as connection:
        simple = SimpleQueue(connection, queue)
        names = []
        while (message := simple.channel.basic_get(queue, no_ack=True)) is not None:
            names.append(message.headers["task"])
        return names


def tick_until_idle(scheduler: TriggerScheduler) -> float:
    for _ in range(20):
        pause = scheduler.tick()
        if pause:
            return pause
    raise AssertionError("beat never sleeps")


def test_a_due_slot_fires(scheduler: TriggerScheduler) -> None:
    slot = make_due(add())
    scheduler.tick()
    assert Delivery.objects.filter(scheduled_for=slot, state="queued").count() == 1


def test_sleeps_until_the_next_slot_and_never_for_long(scheduler: TriggerScheduler) -> None:
    assert tick_until_idle(scheduler) <= MAX_PAUSE_S
    row = add("0 0 1 1 *")
    # One of its other duties may be due sooner once.
    pauses = [tick_until_idle(scheduler) for _ in range(3)]
    assert max(pauses) == pytest.approx(MAX_PAUSE_S, abs=0.2)
    soon = timezone.now() + timedelta(seconds=0.3)
    Trigger.objects.filter(pk=row.pk).update(next_fire_at=soon)
    for duty in scheduler._duties:
        duty.due = 0.0
    assert tick_until_idle(scheduler) <= 0.3


def test_a_row_that_stays_due_does_not_keep_beat_awake(
    scheduler: TriggerScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_due(add())
    monkeypatch.setattr(beat, "fire_due", lambda now: 0)
    assert tick_until_idle(scheduler) > MAX_PAUSE_S / 2


def test_the_sites_periodic_tasks_go_on(
    app: Celery, periodic_task: PeriodicTask, scheduler: TriggerScheduler
) -> None:
    tick_until_idle(scheduler)
    assert taken(app, "site") == ["site.task"]
    scheduler.sync()
    periodic_task.refresh_from_db()
    assert periodic_task.total_run_count == 1


def test_periodic_tasks_are_looked_at_when_they_want_to_be(
    scheduler: TriggerScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(DatabaseScheduler, "tick", lambda self: calls.append(1) or 300.0)
    for _ in range(5):
        scheduler.tick()
    assert len(calls) == 1


@pytest.mark.parametrize("broken", ["fire_due", "tick"])
def test_a_failing_database_is_tried_again(
    broken: str,
    app: Celery,
    periodic_task: PeriodicTask,
    scheduler: TriggerScheduler,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("the database is away")

    slot = make_due(add())
    with monkeypatch.context() as patched:
        owner: Any = beat if broken == "fire_due" else DatabaseScheduler
        patched.setattr(owner, broken, fail)
        assert 0 <= scheduler.tick() <= MAX_PAUSE_S
    assert "it is tried again" in caplog.text
    for duty in scheduler._duties:
        duty.due = 0.0
    tick_until_idle(scheduler)
    assert Delivery.objects.filter(scheduled_for=slot, state="queued").exists()
    assert taken(app, "site") == ["site.task"]


def test_beat_starts_without_a_database(
    app: Celery, periodic_task: PeriodicTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(DatabaseScheduler, "all_as_schedule", fail)
        scheduler = TriggerScheduler(app)
    scheduler._own_tasks.due = 0.0
    tick_until_idle(scheduler)
    assert taken(app, "site") == ["site.task"]
    scheduler.close()


def test_failures_are_tried_again_ever_later_but_within_the_grace() -> None:
    def fail() -> float:
        raise OperationalError

    duty = beat.Duty(name="test", work=fail)
    pauses = [duty._do() for _ in range(20)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert set(pauses[4:]) == {4.0}


def test_a_broker_that_is_away_does_not_stop_the_slots(periodic_task: PeriodicTask) -> None:
    app = Celery("beat-test", broker=NOWHERE, set_as_current=False)
    scheduler = TriggerScheduler(app)
    slot = make_due(add())
    begun = time.monotonic()
    scheduler.tick()
    assert time.monotonic() - begun < 5
    assert Delivery.objects.filter(scheduled_for=slot, state="queued").exists()
    scheduler.close()
    app.close()


def test_is_a_node_until_it_ends(app: Celery) -> None:
    scheduler = TriggerScheduler(app)
    assert not Node.objects.exists()
    scheduler.tick()
    node = Node.objects.get()
    assert node.kind == Node.Kind.BEAT
    scheduler._duties[1].due = 0.0
    scheduler.tick()
    assert Node.objects.get().heartbeat_at > node.heartbeat_at
    scheduler.close()
    assert not Node.objects.exists()


async def test_beside_an_engine_the_row_is_the_engines(engine: Engine) -> None:
    presence = beat.Presence()
    await engine.database.run(presence.beat)
    assert await engine.database.run(lambda: [node.kind for node in Node.objects.all()]) == [
        engine.node.kind
    ]


def test_asks_for_pruning_once_an_hour(app: Celery, scheduler: TriggerScheduler) -> None:
    tick_until_idle(scheduler)
    assert taken(app, DEFAULT_QUEUE) == ["iii.prune"]
    scheduler._duties[-1].due -= beat.PRUNE_INTERVAL_S - 10
    tick_until_idle(scheduler)
    assert taken(app, DEFAULT_QUEUE) == []
    scheduler._duties[-1].due -= 11
    tick_until_idle(scheduler)
    assert taken(app, DEFAULT_QUEUE) == ["iii.prune"]


def test_can_be_looked_at_without_a_database(app: Celery) -> None:
    """``celery beat`` makes a lazy one to print its banner."""
    assert TriggerScheduler(app, lazy=True).info == ""


def test_two_embedded_beats_fire_every_slot_once(app: Celery) -> None:
    services = [
        EmbeddedService(app, thread=True, scheduler_cls="iii_triggers.beat:TriggerScheduler")
        for _ in range(2)
    ]
    add()
    for service in services:
        service.start()
    try:
        wait_for(lambda: Delivery.objects.count() >= 3)
    finally:
        for service in services:
            service.stop()
    slots = list(Delivery.objects.order_by("pk").values_list("scheduled_for", flat=True))
    expected = [slots[0] + timedelta(seconds=number) for number in range(len(slots))]
    assert slots == expected
    assert not Delivery.objects.exclude(state="queued").exists()
    assert min(slots).tzinfo == UTC


def wait_for(holds: Callable[[], bool], *, deadline_s: float = 15) -> None:
    deadline = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
