"""Messages as brokers get them: in memory, and on real Redis and RabbitMQ."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from iii_triggers.delivery import broker as module
from iii_triggers.delivery.broker import Broker
from tests.e2e.eventually import eventually
from tests.support.services import rabbitmq_url, redis_url

URLS: dict[str, Callable[[], str]] = {
    "memory": lambda: "memory://",
    "redis": redis_url,
    "rabbitmq": rabbitmq_url,
}


@pytest.fixture(params=list(URLS))
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a broker."""
    return URLS[request.param]()


@pytest.fixture
def broker(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """Our side of it."""
    app = Celery("site", broker=url, set_as_current=False)
    monkeypatch.setattr(module, "celery_app", lambda: app)
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def connection(url: str) -> Iterator[Any]:
    """The other side."""
    with Connection(url) as connection:
        yield connection


@pytest.fixture
def queue(connection: Any) -> Iterator[str]:
    """A name that is not used; the queue is deleted afterwards."""
    name = f"iii.test-{uuid.uuid4()}"
    yield name
    with connection.channel() as channel:
        channel.queue_delete(name)


def received(connection: Any, queue: str, count: int) -> list[Any]:
    """Take messages from a queue."""
    source = Queue(queue, channel=connection.default_channel)
    return [eventually(source.get, lambda got: got is not None) for _ in range(count)]


def test_a_message_says_which_delivery_to_look_at(
    broker: Broker, connection: Any, queue: str
) -> None:
    delivery_id = str(uuid.uuid4())
    broker.send([(queue, delivery_id)])
    (message,) = received(connection, queue, 1)
    args, kwargs, _ = message.payload
    assert (args, kwargs) == ([delivery_id], {})
    assert message.content_type == "application/json"
    facts = {name: message.headers[name] for name in ("task", "id", "root_id", "lang")}
    assert facts == {"task": "iii.deliver", "id": delivery_id, "root_id": delivery_id, "lang": "py"}


def test_messages_keep_their_order(broker: Broker, connection: Any, queue: str) -> None:
    ids = [str(number) for number in range(250)]
    broker.send([(queue, delivery_id) for delivery_id in ids])
    messages = received(connection, queue, len(ids))
    assert [message.headers["id"] for message in messages] == ids


def test_a_closed_broker_opens_again(broker: Broker, connection: Any, queue: str) -> None:
    broker.send([(queue, "1")])
    broker.close()
    assert not broker.is_open
    broker.send([(queue, "2")])
    assert [m.headers["id"] for m in received(connection, queue, 2)] == ["1", "2"]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//"])
def test_a_broker_that_is_not_there_is_an_error(broker: Broker) -> None:
    with pytest.raises((OperationalError, OSError)):
        broker.send([("q", "1")])
    assert not broker.is_open


@pytest.mark.parametrize("url", ["rabbitmq"])
def test_a_queue_that_is_there_and_different_stops_no_other(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = rabbitmq_url()
    app = Celery("site", broker=found, set_as_current=False)
    monkeypatch.setattr(module, "celery_app", lambda: app)
    odd, even = (f"iii.test-{uuid.uuid4()}" for _ in range(2))
    broker = Broker()
    with Connection(found) as connection:
        connection.default_channel.queue_declare(odd, durable=False, auto_delete=False)
        try:
            broker.send([(odd, "1"), (even, "2"), (odd, "3"), (even, "4")])
            assert [m.headers["id"] for m in received(connection, even, 2)] == ["2", "4"]
            assert [record.levelname for record in caplog.records] == ["ERROR"]
            assert odd in caplog.text
        finally:
            broker.close()
            for name in (odd, even):
                connection.channel().queue_delete(name)
