"""Publishing to topics and named queues, and what became of it (trigger reference, section 4).

``queue`` and ``topic`` are aliases of each other in every input.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from iii_triggers.context import current_traceparent
from iii_triggers.delivery.calls import QueuedCall
from iii_triggers.delivery.named_queues import DEFAULT_NAME
from iii_triggers.delivery.publishing import apublish
from iii_triggers.delivery.redrive import discard, redrive
from iii_triggers.delivery.topics import Message
from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Delivery
from iii_triggers.protocol.errors import IiiError

from .base import builtin

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

Verb = Callable[[Any], int]


class QueueNotSet(IiiError):
    """Queue name is required"""

    code = "queue_not_set"


class MessageIdNotSet(IiiError):
    """Message ID is required"""

    code = "message_id_not_set"


class PublishInput(Struct):
    """A message: ``{"topic": str, "data": any JSON value}``."""

    topic: str
    data: Any


class CallInput(Struct):
    """A call to queue; the receipt of SDKs is not used, the row has an id of its own."""

    function_id: str
    queue: str | None = None
    data: Any = None
    namespace: str = "default"
    metadata: Any = None


class DeadInput(Struct):
    """Which dead deliveries are meant."""

    queue: str = ""
    topic: str = ""
    message_id: str = ""

    @property
    def name(self) -> str:
        """The topic or named queue. Raise QueueNotSet without one."""
        if not (self.queue or self.topic):
            raise QueueNotSet()
        return self.queue or self.topic


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    async def publish(data: PublishInput, context: CallContext) -> None:
        message = Message(
            topic=data.topic, data=Payload.of(data.data), traceparent=current_traceparent()
        )
        await apublish(message, engine=engine)

    async def enqueue(data: CallInput, context: CallContext) -> dict[str, str]:
        call = QueuedCall(
            function_id=data.function_id,
            data=Payload.of(data.data),
            queue=DEFAULT_NAME if data.queue is None else data.queue,
            namespace=data.namespace,
            metadata=data.metadata,
            traceparent=current_traceparent(),
        )
        return {"messageReceiptId": str((await apublish(call, engine=engine))[0])}

    for function_id in ("iii::durable::publish", "enqueue", "emit"):
        yield from builtin(
            function_id, PublishInput, publish, description="Publish to a topic, durably."
        )
    yield from builtin(
        "engine::queue::enqueue", CallInput, enqueue, description="Queue a call of a function."
    )
    yield from _dead_functions(engine)


def _dead_functions(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions that act on dead deliveries."""
    # Not the engine's own thread: there may be very many of them.
    in_thread = engine.invoker.threads.run

    async def redrive_all(data: DeadInput, context: CallContext) -> dict[str, Any]:
        count = await in_thread(redrive, _dead(data.name))
        return {"queue": data.name, "redriven": count}

    def one(verb: Verb) -> Callable[..., Any]:
        async def act(data: DeadInput, context: CallContext) -> dict[str, Any]:
            count = await in_thread(verb, _dead_one(data))
            return {"queue": data.name, "message_id": data.message_id, "redriven": count}

        return act

    yield from builtin(
        "iii::queue::redrive",
        DeadInput,
        redrive_all,
        description="Try all dead messages of a topic or queue again.",
    )
    yield from builtin(
        "iii::queue::redrive_message",
        DeadInput,
        one(redrive),
        description="Try one dead message again.",
    )
    yield from builtin(
        "iii::queue::discard_message",
        DeadInput,
        one(discard),
        description="Give one dead message up for good.",
    )


def _dead(name: str) -> Any:
    return Delivery.objects.dead().filter(topic=name)


def _dead_one(data: DeadInput) -> Any:
    rows = _dead(data.name)
    if not data.message_id:
        raise MessageIdNotSet()
    try:
        return rows.filter(pk=uuid.UUID(data.message_id))
    except ValueError:
        return rows.none()
