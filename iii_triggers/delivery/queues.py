"""The Celery queues that carry deliveries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.db.models import Value

from iii_triggers.conf import settings
from iii_triggers.models import Subscription, Topic

from .named_queues import named_queue_names

DEFAULT_QUEUE = "iii"
"""For deliveries that come from no topic, such as cron's."""
MAX_BYTES = 255
"""Of the name of a queue, in AMQP."""

_listeners: list[Callable[[], None]] = []


def topic_queue(topic: str) -> str:
    """Return the Celery queue of a topic: ``iii.<topic>``, or what ``III_TOPIC_QUEUES`` says."""
    mapped: str | None = settings.III_TOPIC_QUEUES.get(topic)
    return mapped or shortened("iii.", topic)


def named_queue(name: str) -> str:
    """Return the Celery queue of a named queue: ``iii:<name>``."""
    return shortened("iii:", name)


def shortened(prefix: str, name: str) -> str:
    """Return a name that every broker, and a column, takes: a long one ends in a digest."""
    queue = prefix + name
    if is_queue_name(queue):
        return queue
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{prefix}{name.encode()[:100].decode(errors='ignore')}~{digest}"


def is_queue_name(name: str) -> bool:
    """Tell whether every broker takes a name."""
    return 0 < len(name.encode()) <= MAX_BYTES and not name.startswith("amq.") and "\0" not in name


def known_queues() -> set[str]:
    """Return every Celery queue that a worker should consume; one query.

    The row of a topic is written after what was published to it: a process may die in between.
    """
    queues = {DEFAULT_QUEUE, *map(named_queue, named_queue_names())}
    subscribed = Subscription.objects.order_by().values_list(Value(Topic.Kind.TOPIC.value), "topic")
    topics = Topic.objects.order_by().values_list("kind", "name")
    for kind, name in topics.union(subscribed):
        queues.add(named_queue(name) if kind == Topic.Kind.QUEUE else topic_queue(name))
    return queues


def carries_deliveries(queue: str) -> bool:
    """Tell whether deliveries may come through a Celery queue."""
    ours = queue == DEFAULT_QUEUE or queue.startswith(("iii.", "iii:"))
    return ours or queue in settings.III_TOPIC_QUEUES.values()


def listen(listener: Callable[[], None]) -> Callable[[], None]:
    """Have ``listener`` called when this process wrote a new topic; call the result to end that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def poke() -> None:
    """Tell who consumes in this process that a topic is new."""
    for listener in list(_listeners):
        listener()
