"""What every Celery worker of the site gets."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, signals
from celery.concurrency.prefork import TaskPool as ForkingPool
from celery.concurrency.thread import TaskPool as ThreadPool
from django.test import override_settings

from iii_triggers.consumption import connections, engines, steps
from iii_triggers.consumption.steps import EngineStep, SweeperStep
from iii_triggers.consumption.topics import EXCLUDED, TopicsStep
from iii_triggers.engine.core import Engine
from iii_triggers.engine.process import process_engine
from iii_triggers.models import Node

WAIT_S = 5.0


def worker(pool: type = ThreadPool) -> Any:
    app = Celery("site", broker="memory://", set_as_current=False)
    app.finalize()
    return SimpleNamespace(app=app, pool_cls=pool)


RECEIVERS = [
    (signals.celeryd_init, connections.worker_options_known),
    (signals.worker_init, connections.worker_comes),
    (signals.worker_process_init, connections.pool_process_comes),
    (signals.worker_process_shutdown, connections.pool_process_goes),
]


@pytest.mark.parametrize(("signal", "receiver"), RECEIVERS)
def test_celery_tells_us_of_its_workers(signal: Any, receiver: Any) -> None:
    """A site has nothing to configure."""
    connections.connect()
    live = list(signal._live_receivers(None))
    assert live.count(receiver) == 1


def test_a_worker_gets_steps_and_tasks_however_often_it_comes() -> None:
    new = worker()
    for _ in range(2):
        connections.worker_comes(new)
    assert new.app.steps["consumer"] == {TopicsStep}
    assert new.app.steps["worker"] == {SweeperStep, EngineStep}
    assert {"iii.deliver", "iii.prune"} <= set(new.app.tasks)


def test_celery_tells_us_what_a_worker_shall_not_consume() -> None:
    new = worker()
    options = {"exclude_queues": "iii.a,iii.b"}
    connections.worker_options_known(instance=new, options=options)
    assert getattr(new, EXCLUDED) == {"iii.a", "iii.b"}
    connections.worker_options_known(instance=new, options={})
    assert getattr(new, EXCLUDED) == set()


def test_a_worker_sweeps_until_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = threading.Event()
    monkeypatch.setattr(steps, "sweep", swept.set)
    new = worker(ForkingPool)
    step = SweeperStep(new)
    step.start(new)
    assert swept.wait(WAIT_S)
    thread = step._thread
    step.stop(new)
    assert thread is not None
    assert not thread._thread.is_alive()
    step.terminate(new)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes starts of the engine."""
    starts: list[str] = []
    monkeypatch.setattr(steps, "start_engine", lambda: starts.append("engine"))
    return starts


def test_the_engine_runs_where_deliveries_run(starts: list[str]) -> None:
    process_engine.replace(None)
    new = worker()
    EngineStep(new).start(new)
    assert starts == ["engine"]


def test_the_parent_of_a_prefork_pool_runs_no_engine(starts: list[str]) -> None:
    process_engine.replace(None)
    new = worker(ForkingPool)
    EngineStep(new).start(new)
    assert starts == []


@pytest.mark.parametrize(
    ("queues", "expected"),
    [
        ("emails,reports", []),
        ("emails,iii", ["engine"]),
        ("iii.a", ["engine"]),
        ("slow", ["engine"]),
    ],
)
@override_settings(III_TOPIC_QUEUES={"orders": "slow"})
def test_a_worker_for_other_queues_runs_no_engine(
    starts: list[str], queues: str, expected: list[str]
) -> None:
    process_engine.replace(None)
    new = worker()
    new.app.amqp.queues.select(queues.split(","))
    EngineStep(new).start(new)
    assert starts == expected


async def test_an_engine_that_runs_already_is_used(engine: Engine, starts: list[str]) -> None:
    new = worker()
    EngineStep(new).start(new)
    assert starts == []


def test_a_pool_process_starts_an_engine_of_its_own(
    transactional_db: None, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    process_engine.replace(None)
    parents = process_engine.get()
    connections.pool_process_comes(sender="host")
    try:
        engine = process_engine.start_in_background()
        assert engine is not parents
        assert Node.objects.get().kind == Node.Kind.CELERY
    finally:
        connections.pool_process_goes(sender="host", pid=1, exitcode=0)
        process_engine.kind = Node.Kind.OTHER
        process_engine.replace(None)
    assert not Node.objects.exists()


def test_an_engine_that_cannot_start_is_left_to_the_first_delivery(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError("no database")

    monkeypatch.setattr(engines, "process_engine", SimpleNamespace(start_in_background=fail))
    engines._start()
    assert "the first delivery tries again" in caplog.text
