"""A Celery consumer as steps see it, on kombu's memory transport."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from celery import Celery
from kombu.connection import Connection
from kombu.messaging import Consumer


class FakeConsumer:
    """Does what ``call_soon`` gave it when the test says so."""

    connection_errors = (ConnectionResetError,)

    def __init__(self) -> None:
        self.app = Celery("site", broker="memory://", set_as_current=False)
        self.controller = SimpleNamespace(pool_cls=None)
        self.task_consumer: Any = None
        self.connection: Any = None
        self._soon: list[Callable[[], object]] = []
        self.connect()

    @property
    def queues(self) -> set[str]:
        """What is consumed beside Celery's own queue."""
        return set(self.task_consumer._active_tags) - {"celery"}

    def connect(self) -> None:
        """Connect anew, as Celery does after a connection was lost."""
        self.connection = Connection("memory://")
        channel = self.connection.default_channel
        self.task_consumer = Consumer(channel, [self.app.amqp.queues["celery"]])

    def loop(self) -> None:
        """Begin to consume, as Celery's loop does once all steps have started."""
        self.task_consumer.on_message = lambda message: None
        self.task_consumer.consume()

    def call_soon(self, call: Callable[..., object], *arguments: Any) -> None:
        """Remember a call."""
        self._soon.append(lambda: call(*arguments))

    def run_pending(self) -> int:
        """Do what is remembered; return how much that was."""
        pending, self._soon = self._soon, []
        for call in pending:
            call()
        return len(pending)
