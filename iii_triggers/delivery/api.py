"""Publishing from the site's code: ``enqueue`` and its kin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from iii_triggers.context import current_traceparent
from iii_triggers.engine.payload import Payload

from .calls import QueuedCall, queue_call
from .publishing import apublish
from .topics import Message, publish


def enqueue(
    topic: str,
    data: Any = None,
    /,
    *,
    idempotency_key: str = "",
    ordering_key: str = "",
    delay_s: float = 0,
) -> list[str]:
    """Publish ``data`` (any JSON value) to a topic; return a delivery id for each function.

    In a transaction the message is part of it: rolled back it never happened, committed it will
    run. ``idempotency_key``: a second message of the topic with the key is not delivered again.
    ``ordering_key`` orders messages for ``fifo`` subscribers; ``delay_s`` is seconds to wait.
    Raises TopicNotSet, SerializationFailed, PayloadTooLarge or InvalidArguments; nothing is stored
    then.
    """
    ids = publish(_message(topic, data, idempotency_key, ordering_key, delay_s))
    return [str(id_) for id_ in ids]


async def aenqueue(
    topic: str,
    data: Any = None,
    /,
    *,
    idempotency_key: str = "",
    ordering_key: str = "",
    delay_s: float = 0,
) -> list[str]:
    """Publish to a topic from async code; ``enqueue`` in a transaction of its own."""
    ids = await apublish(_message(topic, data, idempotency_key, ordering_key, delay_s))
    return [str(id_) for id_ in ids]


def enqueue_call(
    function_id: str,
    data: Any = None,
    /,
    *,
    queue: str = "default",
    namespace: str = "default",
    metadata: Any = None,
    idempotency_key: str = "",
    delay_s: float = 0,
) -> str:
    """Run one function later, through a named queue of ``III_QUEUES``; return the delivery id.

    Part of the caller's transaction, like ``enqueue``. Raises EnqueueError (code ``enqueue_error``)
    for an unknown queue or data without its ordering key, and what ``enqueue`` raises.
    """
    call = QueuedCall(
        function_id=function_id,
        data=Payload.of(data),
        queue=queue,
        namespace=namespace,
        metadata=metadata,
        idempotency_key=idempotency_key,
        run_at=_run_at(delay_s),
        traceparent=current_traceparent(),
    )
    return str(queue_call(call))


def _message(
    topic: str, data: Any, idempotency_key: str, ordering_key: str, delay_s: float
) -> Message:
    return Message(
        topic=topic,
        data=Payload.of(data),
        idempotency_key=idempotency_key,
        ordering_key=ordering_key,
        run_at=_run_at(delay_s),
        traceparent=current_traceparent(),
    )


def _run_at(delay_s: float) -> datetime | None:
    return timezone.now() + timedelta(seconds=delay_s) if delay_s > 0 else None
