"""What a Celery worker consumes follows the topics in the database."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from django.test import override_settings
from kombu.connection import Connection

from iii_triggers.consumption import topics
from iii_triggers.consumption.steps import exclude
from iii_triggers.consumption.topics import TopicsStep
from iii_triggers.delivery import queues
from iii_triggers.delivery.celery_app import Found, declared_queue
from iii_triggers.delivery.topics import know_topics
from iii_triggers.models import Topic
from tests.support.services import rabbitmq_url

from .consumers import FakeConsumer

ALWAYS = {"iii", "iii:default"}


class NoThread:
    """Takes the place of the thread: the test looks itself."""

    def __init__(self, name: str, step: object, **options: object) -> None:
        self.poked = 0

    def start(self) -> None:
        """Start nothing."""

    def stop(self) -> None:
        """Stop nothing."""

    def poke(self) -> None:
        """Count."""
        self.poked += 1


class Following:
    """A consumer with the step."""

    def __init__(self) -> None:
        self.consumer = FakeConsumer()
        self.step = TopicsStep(self.consumer)

    def start(self) -> None:
        """Start the step, then the loop, as Celery does."""
        self.step.start(self.consumer)
        self.consumer.loop()

    def look(self) -> set[str]:
        """Look once and return what is consumed then."""
        self.step._look(self.consumer)
        self.consumer.run_pending()
        return self.consumer.queues


@pytest.fixture
def following(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    monkeypatch.setattr(topics, "RepeatingThread", NoThread)
    following = Following()
    yield following
    following.step.stop(following.consumer)


def test_queues_that_always_are_there_are_consumed(following: Following) -> None:
    following.start()
    assert following.look() == ALWAYS


def test_a_new_topic_is_consumed_and_one_that_went_is_not(following: Following) -> None:
    following.start()
    assert following.look() == ALWAYS
    Topic.objects.create(name="orders")
    Topic.objects.create(name="emails", kind=Topic.Kind.QUEUE)
    assert following.look() == {*ALWAYS, "iii.orders", "iii:emails"}
    Topic.objects.filter(name="orders").delete()
    assert following.look() == {*ALWAYS, "iii:emails"}


def test_nothing_is_handed_over_when_nothing_changed(following: Following) -> None:
    following.start()
    following.look()
    following.step._look(following.consumer)
    assert following.consumer.run_pending() == 0


def test_a_new_connection_consumes_what_was_known_before_the_database_answers(
    following: Following,
) -> None:
    Topic.objects.create(name="orders")
    following.start()
    following.look()
    following.step.stop(following.consumer)
    following.consumer.connect()
    following.start()
    assert following.consumer.queues == {*ALWAYS, "iii.orders"}


def test_what_was_handed_over_to_a_lost_connection_is_dropped(following: Following) -> None:
    following.start()
    following.step._look(following.consumer)
    following.step.stop(following.consumer)
    following.consumer.task_consumer = None
    assert following.consumer.run_pending() == 1


@override_settings(III_TOPIC_QUEUES={"orders": "celery"})
def test_a_queue_of_the_site_goes_on_when_its_topic_goes(following: Following) -> None:
    Topic.objects.create(name="orders")
    following.start()
    assert following.look() == ALWAYS
    Topic.objects.all().delete()
    following.look()
    assert following.consumer.task_consumer.consuming_from("celery")


def test_a_worker_with_chosen_queues_keeps_to_them(following: Following) -> None:
    following.consumer.app.amqp.queues.select(["celery"])
    following.start()
    assert following.step._thread is None
    assert following.consumer.queues == set()


@pytest.mark.parametrize("option", ["iii.orders,other", ["iii.orders"]])
def test_a_worker_leaves_excluded_queues_alone(following: Following, option: Any) -> None:
    exclude(following.consumer.controller, option)
    Topic.objects.create(name="orders")
    following.start()
    assert following.look() == ALWAYS


def test_a_new_topic_of_this_process_is_looked_at_at_once(following: Following) -> None:
    following.start()
    thread: Any = following.step._thread
    know_topics(Topic.Kind.TOPIC, {"just-published"})
    assert thread.poked == 1
    following.step.stop(following.consumer)
    queues.poke()
    assert thread.poked == 1


def test_this_process_is_known_to_consume(following: Following) -> None:
    following.start()
    assert Found.consumer_pid is not None
    following.step.stop(following.consumer)
    assert Found.consumer_pid is None


def test_a_lost_connection_is_for_celery_to_deal_with(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    following.start()
    broken = ConnectionResetError()

    def fail(*_: object) -> None:
        raise broken

    monkeypatch.setattr(following.consumer.task_consumer, "add_queue", fail)
    with pytest.raises(ConnectionResetError):
        following.look()


def test_another_error_leaves_the_worker_alive_and_is_tried_again(
    following: Following, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    following.start()
    with monkeypatch.context() as patch:
        patch.setattr(following.consumer.task_consumer, "add_queue", lambda queue: 1 / 0)
        following.look()
    assert "could not be brought in step" in caplog.text
    assert following.look() == ALWAYS


def test_the_thread_looks_by_itself(transactional_db: None) -> None:
    consumer, handed_over = FakeConsumer(), threading.Event()
    step = TopicsStep(consumer)
    consumer.call_soon = lambda *call: handed_over.set()  # type: ignore[method-assign]
    step.start(consumer)
    assert handed_over.wait(5)
    step.stop(consumer)


def test_a_queue_that_rabbitmq_refuses_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    app = Celery("site", set_as_current=False)
    names = [f"iii.test-{uuid.uuid4()}" for _ in range(2)]
    with Connection(rabbitmq_url()) as connection:
        connection.default_channel.queue_declare(names[0], durable=False, auto_delete=False)
        try:
            wanted = [declared_queue(app, name) for name in names]
            accepted = [queue.name for queue in topics._accepted(connection, wanted)]
            assert accepted == names[1:]
            assert connection.default_channel.is_open, "the channel of the consumer was closed"
        finally:
            for name in names:
                connection.channel().queue_delete(name)
    assert names[0] in caplog.text
