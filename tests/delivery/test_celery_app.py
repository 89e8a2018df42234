"""Which Celery app carries deliveries, and whom it reaches."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from django.test import override_settings

from iii_triggers.delivery import celery_app as module
from iii_triggers.delivery.celery_app import (
    celery_app,
    consumes_here,
    declared_queue,
    forget_apps,
    has_memory_broker,
    is_of_site,
    reaches_workers,
    remember_site_app,
)

SetCurrent = Callable[[Celery], None]


@pytest.fixture
def set_current(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetCurrent]:
    """Make an app the current one of Celery; first its own, unnamed one."""

    def set_current(app: Celery) -> None:
        current = SimpleNamespace(_get_current_object=lambda: app)
        monkeypatch.setattr(module, "current_app", current)

    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    set_current(Celery("default", set_as_current=False))
    found = vars(module.Found).copy()
    forget_apps()
    yield set_current
    module.Found.site_app, module.Found.consumer_pid = found["site_app"], found["consumer_pid"]
    module._own_app.cache_clear()


def test_the_app_of_the_site_carries_deliveries(set_current: SetCurrent) -> None:
    site = Celery("site", broker="redis://localhost", set_as_current=False)
    set_current(site)
    assert celery_app() is site
    assert is_of_site(site)
    assert not has_memory_broker(site)
    assert reaches_workers()


def test_the_app_of_the_site_is_known_in_every_thread(set_current: SetCurrent) -> None:
    """Celery's current app is that of the thread which made it."""
    site = Celery("site", set_as_current=False)
    set_current(site)
    remember_site_app()
    set_current(Celery("default", set_as_current=False))
    found: list[Celery] = []
    thread = threading.Thread(target=lambda: found.append(celery_app()))
    thread.start()
    thread.join()
    assert found == [site]


@pytest.fixture
def no_broker(settings: Any, set_current: SetCurrent) -> None:
    """Settings that name no broker."""
    del settings.CELERY_BROKER_URL


def test_a_site_without_celery_gets_an_app_in_memory(no_broker: None) -> None:
    remember_site_app()
    app = celery_app()
    assert app.conf.broker_url == "memory://"
    assert celery_app() is app
    assert not is_of_site(app)


@override_settings(CELERY_BROKER_URL="redis://localhost", CELERY_TASK_QUEUE_MAX_PRIORITY=3)
def test_a_site_without_an_app_may_name_a_broker(set_current: SetCurrent) -> None:
    app = celery_app()
    assert app.conf.broker_url == "redis://localhost"
    assert app.conf.task_queue_max_priority == 3
    assert is_of_site(app)


def test_the_environment_may_name_a_broker(
    no_broker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://localhost")
    assert not has_memory_broker(celery_app())


def test_memory_reaches_the_worker_of_the_same_process_only(
    no_broker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not reaches_workers()
    consumes_here(is_consuming=True)
    assert reaches_workers()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        assert not reaches_workers(), "a fork of it has no worker"
    consumes_here(is_consuming=False)
    assert not reaches_workers()


@pytest.mark.parametrize(
    ("url", "expected"),
    [("memory://", True), (["memory://", "redis://h"], True), ("amqp://h;amqp://i", False)],
)
def test_a_broker_in_memory_is_known_by_its_url(url: str, expected: bool) -> None:
    app = Celery("site", set_as_current=False)
    app.conf.broker_url = url
    assert has_memory_broker(app) == expected


def test_a_queue_of_ours_needs_no_exchange_and_no_binding() -> None:
    app = Celery("site", set_as_current=False)
    queue = declared_queue(app, "iii.orders")
    assert (queue.name, queue.routing_key, queue.exchange.name) == ("iii.orders", "iii.orders", "")
    assert queue.durable
    assert "iii.orders" not in app.amqp.queues


def test_a_queue_of_the_site_stays_as_it_is() -> None:
    app = Celery("site", set_as_current=False)
    queue = declared_queue(app, "celery")
    assert queue is app.amqp.queues["celery"]
    assert queue.exchange.name == "celery"


def test_a_queue_is_of_the_kind_that_the_site_wants() -> None:
    app = Celery("site", set_as_current=False)
    app.conf.update(task_create_missing_queue_type="quorum", task_queue_max_priority=5)
    arguments = declared_queue(app, "iii").queue_arguments
    assert arguments == {"x-queue-type": "quorum", "x-max-priority": 5}
