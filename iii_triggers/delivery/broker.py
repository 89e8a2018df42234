"""One connection to the broker, for task messages of deliveries."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from .celery_app import celery_app, declared_queue

logger = logging.getLogger(__name__)

DELIVER_TASK = "iii.deliver"
CONNECT_S = 2.0
TIMEOUTS = {
    "redis": {"socket_connect_timeout": CONNECT_S, "socket_timeout": 5.0},
    "amqp": {"read_timeout": 5.0, "write_timeout": 5.0},
}
"""Transport options by kind of broker, where the site's settings have none."""
MAX_BATCH = 100

Message = tuple[str, str]
"""Celery queue and delivery id."""


class Broker:
    """Sends messages in order. Belongs to one thread."""

    def __init__(self) -> None:
        self._app: Any = None
        self._producer: Any = None
        self._template: Any = None
        self._declared: set[str] = set()
        self._refused: set[str] = set()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection; it may be stale."""
        return self._producer is not None

    def open(self) -> None:
        """Connect. Raises what the transport raises."""
        if self._producer is not None:
            return
        app = celery_app()
        connection = app.connection_for_write(connect_timeout=CONNECT_S, heartbeat=0)
        timeouts = TIMEOUTS.get(connection.transport.driver_type, {})
        connection.transport_options = {**timeouts, **connection.transport_options}
        hosts = len(connection.alt or [""])
        connection.ensure_connection(max_retries=hosts - 1, interval_start=0, interval_step=0)
        self._app = app
        self._template = app.amqp.as_task_v2("", DELIVER_TASK, ignore_result=True)
        self._producer = app.amqp.Producer(connection, auto_declare=False)

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages, connecting first if need be. Raises what the transport raises."""
        self.open()
        for queue in dict.fromkeys(queue for queue, _ in messages):
            self._declare(queue)
        with self._batch():
            for queue, delivery_id in messages:
                if queue not in self._refused:
                    self._publish(queue, delivery_id)

    def close(self) -> None:
        """Close the connection."""
        producer, self._producer = self._producer, None
        self._declared.clear()
        self._refused.clear()
        if producer is not None:
            with suppress(Exception):
                producer.connection.close()

    def _declare(self, queue: str) -> None:
        """Declare a queue once: RabbitMQ drops what goes to one that is not there."""
        if queue in self._declared:
            return
        connection = self._producer.connection
        try:
            declared_queue(self._app, queue)(self._producer.channel).declare()
        except connection.channel_errors as error:
            # It is there, declared differently. That must not stop what goes to other queues.
            logger.error("The broker refuses the queue %s: %s", queue, error)
            self._refused.add(queue)
            self._producer.revive(connection.channel())
        self._declared.add(queue)

    def _publish(self, queue: str, delivery_id: str) -> None:
        """Publish a message of Celery's protocol 2, whose unchanging parts are made once."""
        _, kwargs, embedded = self._template.body
        headers = {**self._template.headers, "id": delivery_id, "root_id": delivery_id}
        headers["argsrepr"] = f"('{delivery_id}',)"
        self._producer.publish(
            ((delivery_id,), kwargs, embedded),
            exchange="",
            routing_key=queue,
            headers=headers,
            serializer="json",
            delivery_mode="persistent",
            correlation_id=delivery_id,
        )

    def _batch(self) -> AbstractContextManager[Any]:
        """Send in one round trip where the transport can: kombu's for Redis, since 5.7."""
        batch: AbstractContextManager[Any]
        batch = getattr(self._producer, "batch", lambda size: nullcontext())(MAX_BATCH)
        return batch
