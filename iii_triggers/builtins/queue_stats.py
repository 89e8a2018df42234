"""``engine::queue::*``: what stands in topics and queues (trigger reference, section 4.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db.models import Count
from msgspec import Struct

from iii_triggers.delivery.named_queues import named_queue_config
from iii_triggers.delivery.stats import TopicStats, all_topics, topic_stats
from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.models import Delivery, Topic
from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import IiiError

from .base import builtin

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

MAX_MESSAGES = 1000


class TopicRequired(IiiError):
    """topic is required"""

    code = "topic_required"


class AnyInput(Struct):
    """Nothing is asked for."""


class TopicInput(Struct):
    """One topic or named queue."""

    topic: str = ""
    queue: str = ""

    @property
    def name(self) -> str:
        """The name. Raise TopicRequired without one."""
        if not (self.topic or self.queue):
            raise TopicRequired()
        return self.topic or self.queue


class MessagesInput(TopicInput):
    """A page of dead messages."""

    offset: int = 0
    limit: int = 50


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""
    # Not the engine's own thread: with a long backlog counting takes its time.
    in_thread = engine.invoker.threads.run

    async def list_topics(data: AnyInput, context: CallContext) -> list[dict[str, Any]]:
        return [_topic_row(stats) for stats in await in_thread(all_topics)]

    async def stats_of(data: TopicInput, context: CallContext) -> dict[str, Any]:
        stats = await in_thread(topic_stats, data.name)
        return {
            "depth": stats.waiting + stats.running,
            "consumer_count": stats.subscriptions,
            "dlq_depth": stats.dead,
            "config": None,
        }

    async def dlq_topics(data: AnyInput, context: CallContext) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await in_thread(_dead_topics)
        return rows

    async def dlq_messages(data: MessagesInput, context: CallContext) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await in_thread(_dead_messages, data)
        return rows

    yield from builtin(
        "engine::queue::list_topics", AnyInput, list_topics, description="List topics and queues."
    )
    yield from builtin(
        "engine::queue::topic_stats", TopicInput, stats_of, description="Count a topic's messages."
    )
    yield from builtin(
        "engine::queue::dlq_topics", AnyInput, dlq_topics, description="List who has dead messages."
    )
    yield from builtin(
        "engine::queue::dlq_messages",
        MessagesInput,
        dlq_messages,
        description="List dead messages, newest failure first.",
    )


def _topic_row(stats: TopicStats) -> dict[str, Any]:
    """Return a row; of a named queue the reference counts its concurrency as subscribers."""
    config = named_queue_config(stats.name) if stats.kind == Topic.Kind.QUEUE else None
    is_named = config is not None
    return {
        "name": stats.name,
        "broker_type": "function_queue" if is_named else "builtin",
        "subscriber_count": (config.concurrency or 1) if config else stats.subscriptions,
    }


def _dead_topics() -> list[dict[str, Any]]:
    dead = Delivery.objects.dead().exclude(topic="").order_by()
    counted = dead.values_list("topic", "trigger_type").annotate(n=Count("pk"))
    counts: Counter[tuple[str, str]] = Counter()
    for topic, trigger_type, number in counted:
        counts[topic, "builtin" if trigger_type else "function_queue"] += number
    return [
        {"topic": topic, "broker_type": broker, "message_count": number}
        for (topic, broker), number in sorted(counts.items())
    ]


def _dead_messages(wanted: MessagesInput) -> list[dict[str, Any]]:
    start = max(wanted.offset, 0)
    count = min(max(wanted.limit, 0), MAX_MESSAGES)
    dead = Delivery.objects.dead().filter(topic=wanted.name).order_by("-finished_at", "-pk")
    return [_message_row(row) for row in dead[start : start + count]]


def _message_row(row: Delivery) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "payload": from_json(row.payload),
        "error": row.error,
        "failed_at": int(row.finished_at.timestamp()) if row.finished_at else 0,
        "retries": row.attempts,
        "size_bytes": len(row.payload.encode()),
    }
