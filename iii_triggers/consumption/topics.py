"""Keeps what a Celery worker consumes in step with the topics in the database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from celery import Celery, bootsteps

from iii_triggers.delivery.celery_app import consumes_here, declared_queue
from iii_triggers.delivery.queues import carries_deliveries, known_queues, listen

from .memory import Transport
from .pool import forks
from .threads import RepeatingThread

logger = logging.getLogger(__name__)

LOOK_INTERVAL_S = 1.0
EXCLUDED = "iii_excluded_queues"
"""Attribute of a worker: the queues it was told to leave alone (``-X``)."""


class TopicsStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Consumes the queues of all topics; starts anew with every connection to the broker.

    A worker that was started with ``-Q`` consumes those queues and no others. A thread looks into
    the database; only the thread of the consumer, which owns the connection, uses it.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._wanted: frozenset[str] = frozenset()
        self._consumed: set[str] = set()
        self._is_behind = False
        self._thread: RepeatingThread | None = None
        self._end_listening: Callable[[], None] = lambda: None

    def start(self, consumer: Any) -> None:
        """Consume what is known, then look for more."""
        consumes_here(is_consuming=True)
        if chosen_queues(consumer.app) is not None:
            return
        self._thread = RepeatingThread(
            "iii-topics",
            lambda: self._look(consumer),
            interval=lambda: LOOK_INTERVAL_S,
            is_forking=forks(consumer.controller),
        )
        self._consumed = set()
        self._follow(consumer)
        self._end_listening = listen(self._thread.poke)
        self._thread.start()

    def stop(self, consumer: Any) -> None:
        """Look no more; what is consumed ends with the connection."""
        consumes_here(is_consuming=False)
        thread, self._thread = self._thread, None
        if thread is not None:
            self._end_listening()
            thread.stop()

    def _look(self, consumer: Any) -> None:
        excluded: frozenset[str] = getattr(consumer.controller, EXCLUDED, frozenset())
        wanted = frozenset(known_queues() - excluded)
        if wanted != self._wanted or self._is_behind:
            self._wanted = wanted
            consumer.call_soon(self._follow, consumer)
            wake(consumer)

    def _follow(self, consumer: Any) -> None:
        """Consume what is wanted and nothing else; in the thread of the consumer."""
        if self._thread is None or consumer.task_consumer is None:
            return
        self._is_behind = True
        try:
            self._add(consumer, self._wanted - self._consumed)
            self._cancel(consumer, self._consumed - self._wanted)
            self._is_behind = False
        except consumer.connection_errors:
            # Celery connects again, and with that this step starts anew.
            raise
        except Exception:
            logger.exception("What is consumed could not be brought in step with the topics.")

    def _add(self, consumer: Any, names: Iterable[str]) -> None:
        tasks = consumer.task_consumer
        new = [name for name in sorted(names) if not tasks.consuming_from(name)]
        queues = [declared_queue(consumer.app, name) for name in new]
        accepted = list(_accepted(consumer.connection, queues))
        for queue in accepted:
            tasks.add_queue(queue)
            self._consumed.add(queue.name)
        if accepted:
            # Before Celery's loop runs it does this itself, for all queues.
            if tasks.on_message is not None:
                tasks.consume()
            logger.info("Consuming from %s.", ", ".join(queue.name for queue in accepted))

    def _cancel(self, consumer: Any, names: Iterable[str]) -> None:
        for name in sorted(names):
            logger.info("Consuming from %s no more.", name)
            consumer.task_consumer.cancel_by_queue(name)
            self._consumed.discard(name)


def wake(consumer: Any, *, to_stop: bool = False) -> None:
    """Have a consumer do what ``call_soon`` gave it; event loops of brokers wake by themselves."""
    transport = getattr(consumer.connection, "transport", None)
    if isinstance(transport, Transport):
        transport.interrupt(for_good=to_stop)


def chosen_queues(app: Celery) -> list[str] | None:
    """Return the queues that a worker was started with (``-Q``), which Celery notes here only."""
    chosen = app.amqp.queues._consume_from
    return None if chosen is None else list(chosen)


def takes_deliveries(app: Celery) -> bool:
    """Tell whether the worker of this process consumes any queue of deliveries."""
    chosen = chosen_queues(app)
    return chosen is None or any(map(carries_deliveries, chosen))


def _accepted(connection: Any, queues: Iterable[Any]) -> Iterator[Any]:
    """Return the queues that the broker lets us declare.

    RabbitMQ refuses one that is there with other arguments, and closes the channel that asked: so
    the question goes through another one than what is consumed.
    """
    if connection.transport.driver_type != "amqp":
        yield from queues
        return
    for queue in queues:
        channel = connection.channel()
        try:
            queue(channel).declare()
            yield queue
        except connection.channel_errors as error:
            logger.error("The broker refuses the queue %s: %s", queue.name, error)
        finally:
            with suppress(Exception):
                channel.close()
