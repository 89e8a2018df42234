"""The Celery queues that carry deliveries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from iii_triggers.conf import settings
from iii_triggers.models import Topic

from .named_queues import named_queue_names

DEFAULT_QUEUE = "iii"
"""For deliveries that come from no topic, such as cron's."""
MAX_BYTES = 255
"""Of the name of a queue, in AMQP."""

_listeners: list[Callable[[], None]] = []


def topic_queue(topic: str) -> str:
    """Return the Celery queue of a topic: ``iii.<topic>``, or what ``III_TOPIC_QUEUES`` says."""
    mapped: str | None = settings.III_TOPIC_QUEUES.get(topic)
    return mapped or _shortened("iii.", topic)


def named_queue(name: str) -> str:
    """Return the Celery queue of a named queue: ``iii:<name>``."""
    return _shortened("iii:", name)


def _shortened(prefix: str, name: str) -> str:
    """Return a name that every broker takes: a long one ends in a digest."""
    queue = prefix + name
    if is_queue_name(queue):
        return queue
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{prefix}{name.encode()[:100].decode(errors='ignore')}~{digest}"


def is_queue_name(name: str) -> bool:
    """Tell whether every broker takes a name."""
    return 0 < len(name.encode()) <= MAX_BYTES and not name.startswith("amq.") and "\0" not in name


def known_queues() -> set[str]:
    """Return every Celery queue that a worker should consume; one query."""
    queues = {DEFAULT_QUEUE, *map(named_queue, named_queue_names())}
    for kind, name in Topic.objects.values_list("kind", "name"):
        queues.add(named_queue(name) if kind == Topic.Kind.QUEUE else topic_queue(name))
    return queues


def listen(listener: Callable[[], None]) -> Callable[[], None]:
    """Have ``listener`` called when this process wrote a new topic; call the result to end that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def poke() -> None:
    """Tell who consumes in this process that a topic is new."""
    for listener in list(_listeners):
        listener()
