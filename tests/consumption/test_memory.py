"""Messages in memory: they wake who consumes, who else sleeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.messaging import Consumer

from iii_triggers.consumption.memory import Transport

WAIT_S = 5.0
SOON_S = 0.5
NAME = "iii.test-memory"


class Consuming:
    """A consumer, and what it got."""

    def __init__(self) -> None:
        self.connection = Connection("memory://", transport=Transport)
        self.bodies: list[Any] = []
        self.messages: list[Any] = []
        channel = self.connection.default_channel
        queue = Queue(NAME, Exchange(""), routing_key=NAME)
        self.consumer = Consumer(channel, [queue], callbacks=[self._take], prefetch_count=1)
        self.consumer.consume()

    @property
    def transport(self) -> Transport:
        transport: Transport = self.connection.transport
        return transport

    def drain(self, timeout_s: float = WAIT_S) -> bool:
        """Wait for one message; tell whether there was one."""
        try:
            self.connection.drain_events(timeout=timeout_s)
        except TimeoutError:
            return False
        return True

    def _take(self, body: Any, message: Any) -> None:
        self.bodies.append(body)
        self.messages.append(message)


@pytest.fixture
def consuming() -> Iterator[Consuming]:
    consuming = Consuming()
    consuming.consumer.purge()
    yield consuming
    consuming.consumer.purge()
    consuming.connection.close()


def publish(body: Any) -> None:
    with Connection("memory://", transport=Transport) as connection:
        connection.Producer().publish(body, exchange="", routing_key=NAME)


def later(work: Any, *arguments: Any) -> None:
    """Do something once the test waits."""
    timer = threading.Timer(0.05, work, arguments)
    timer.daemon = True
    timer.start()


def test_a_message_that_is_there_is_taken(consuming: Consuming) -> None:
    publish("a")
    assert consuming.drain()
    assert consuming.bodies == ["a"]


def test_a_message_wakes_who_waits(consuming: Consuming) -> None:
    later(publish, "a")
    began = time.monotonic()
    assert consuming.drain()
    assert time.monotonic() - began < SOON_S
    assert consuming.bodies == ["a"]


def test_without_a_message_the_wait_ends_in_time(consuming: Consuming) -> None:
    began = time.monotonic()
    assert not consuming.drain(0.05)
    assert 0.05 <= time.monotonic() - began < SOON_S


def test_who_has_enough_gets_more_when_one_is_done(consuming: Consuming) -> None:
    publish("a")
    publish("b")
    assert consuming.drain()
    assert not consuming.drain(0.01), "the second came before there was room for it"
    later(consuming.messages[0].ack)
    began = time.monotonic()
    assert consuming.drain()
    assert time.monotonic() - began < SOON_S
    assert consuming.bodies == ["a", "b"]


def test_a_refused_message_comes_again(consuming: Consuming) -> None:
    publish("a")
    assert consuming.drain()
    later(consuming.messages[0].requeue)
    assert consuming.drain()
    assert consuming.bodies == ["a", "a"]


def test_who_waits_can_be_interrupted_once(consuming: Consuming) -> None:
    later(consuming.transport.interrupt)
    began = time.monotonic()
    assert not consuming.drain()
    assert time.monotonic() - began < SOON_S
    publish("a")
    assert consuming.drain()


def test_an_interruption_before_the_wait_counts(consuming: Consuming) -> None:
    consuming.transport.interrupt()
    began = time.monotonic()
    assert not consuming.drain()
    assert time.monotonic() - began < SOON_S


def test_who_is_to_stop_waits_no_more(consuming: Consuming) -> None:
    consuming.transport.interrupt(for_good=True)
    began = time.monotonic()
    assert not any(consuming.drain() for _ in range(3))
    assert time.monotonic() - began < SOON_S
