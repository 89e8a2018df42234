"""Queued calls: one function, run later through a named queue (trigger reference, section 4.7)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from iii_triggers.engine.payload import Payload
from iii_triggers.models import Topic
from iii_triggers.protocol.errors import IiiError, InvalidArguments, InvalidNamespace
from iii_triggers.protocol.json_values import check_json

from .create import MAX_NAME, NewDelivery, check_size, create_deliveries
from .named_queues import DEFAULT_NAME, NamedQueue, named_queue_config
from .policy import Policy, Replayed
from .queues import named_queue, shortened
from .topics import DEFAULT_KEY, as_key, know_topics


class EnqueueError(IiiError):
    """The call cannot be queued."""

    code = "enqueue_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedCall:
    """What is to run, and through which queue."""

    function_id: str
    data: Payload
    queue: str = DEFAULT_NAME
    namespace: str = "default"
    metadata: Any = None
    idempotency_key: str = ""
    """A second call through the queue with this key is not made, unless the first is dead."""
    run_at: datetime | None = None
    traceparent: str = ""
    replays: Replayed | None = None
    """The run that is repeated."""


def check_call(call: QueuedCall) -> None:
    """Raise unless the call can be queued; whether the function exists is not asked.

    EnqueueError (no such queue, no ordering key), InvalidArguments, InvalidNamespace,
    SerializationFailed, LimitExceeded (metadata nested too deep) or PayloadTooLarge.
    """
    if not call.namespace.strip():
        raise InvalidNamespace()
    for text in (call.function_id, call.namespace, call.idempotency_key):
        if len(text) > MAX_NAME or "\0" in text:
            raise InvalidArguments(f"An id or key has NUL or is over {MAX_NAME} characters.")
    if not call.function_id:
        raise InvalidArguments("function_id is required.")
    _group(call, _config(call.queue))
    check_json(_metadata(call))
    check_size(call.data.json())


def _metadata(call: QueuedCall) -> Any:
    """Return the metadata as JSON values. Raise SerializationFailed."""
    return Payload.of_json(Payload.of(call.metadata).json()).value()


def queue_call(call: QueuedCall) -> uuid.UUID:
    """Write a call in the caller's transaction; return the delivery's id. See ``check_call``."""
    return queue_calls([call])[0]


def queue_calls(calls: Sequence[QueuedCall]) -> list[uuid.UUID]:
    """Write several calls in one transaction; see ``queue_call``."""
    for call in calls:
        check_call(call)
    with transaction.atomic():
        know_topics(Topic.Kind.QUEUE, {call.queue for call in calls})
        ids = create_deliveries([_delivery(call, _config(call.queue)) for call in calls])
    return [delivery_id for delivery_id in ids if delivery_id is not None]


def _config(name: str) -> NamedQueue:
    config = named_queue_config(name)
    if config is None:
        raise EnqueueError(f"Queue '{name}' not found")
    return config


def _delivery(call: QueuedCall, config: NamedQueue) -> NewDelivery:
    policy = Policy(
        # In the reference this setting counts all attempts.
        max_attempts=max(config.max_retries, 1),
        backoff_ms=config.backoff_ms,
        concurrency=config.concurrency,
        is_ordered=config.type == "fifo",
        order_by=config.message_group_field,
        replays=call.replays,
    )
    return NewDelivery(
        function_id=call.function_id,
        namespace=call.namespace,
        payload=call.data.json(),
        lane=shortened("named:", call.queue),
        queue=named_queue(call.queue),
        topic=call.queue,
        metadata=_metadata(call),
        traceparent=call.traceparent,
        policy=policy,
        ordering_key=_group(call, config),
        idempotency_key=call.idempotency_key,
        run_at=call.run_at,
    )


def _group(call: QueuedCall, config: NamedQueue) -> str:
    """Return the ordering key of a call through a fifo queue; "" for other queues."""
    field = config.message_group_field
    if config.type != "fifo":
        return ""
    if field is None:
        return DEFAULT_KEY
    data = call.data.value()
    if not isinstance(data, dict) or field not in data:
        message = (
            f"FIFO queue '{call.queue}' requires field '{field}' in data, but it was not found"
        )
        raise EnqueueError(message)
    if data[field] is None:
        raise EnqueueError(f"FIFO queue '{call.queue}': field '{field}' must not be null")
    return as_key(data[field])
