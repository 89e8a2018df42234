"""Names of Celery queues."""

from __future__ import annotations

from iii_triggers.conf import settings

DEFAULT_QUEUE = "iii"


def topic_queue(name: str) -> str:
    """Return the Celery queue of a topic."""
    return str(settings.III_TOPIC_QUEUES.get(name, f"iii.{name}"))


def named_queue(name: str) -> str:
    """Return the Celery queue of a named queue."""
    return f"iii:{name}"


def poke() -> None:
    """Tell the consumers of this process that a topic is new."""
