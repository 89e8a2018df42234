"""The ``subscribe`` trigger type and the function ``publish``: fan-out, nothing is kept.

Every subscription gets every message of its topic, on its own and at once; without one a message
is dropped (trigger reference, section 5). Subscriptions of the site hear what is published in this
process, and those of workers what is published in any.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from iii_triggers.builtins.base import builtin
from iii_triggers.engine.bus_messages import Broadcast
from iii_triggers.engine.firing import fire
from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.errors import IiiError, InvalidConfig

from .base import TriggerRegistrator

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine
    from iii_triggers.engine.trigger_values import Trigger, TriggerKey


class TopicNotSet(IiiError):
    """Topic is not set"""

    code = "topic_not_set"


class PublishInput(Struct):
    """What to publish: ``{"topic": str, "data": any JSON value}``."""

    topic: str = ""
    data: Any = None


class PublishMessage(Broadcast, tag="iii.publish"):
    """A message for the subscriptions of the workers of another node."""

    topic: str
    data: bytes


class SubscribeTriggerType(TriggerRegistrator):
    """Runs a function for every message published to a topic."""

    id = "subscribe"
    description = "Runs a function for every message published to a topic; nothing is kept."
    config_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Subscription",
        "type": "object",
        "required": ["topic"],
        "properties": {
            "topic": {
                "title": "Topic",
                "description": "The exact name of the topic.",
                "type": "string",
                "minLength": 1,
                "examples": ["user.updated"],
            }
        },
    }

    def __init__(self) -> None:
        self._topics: dict[str, dict[TriggerKey, Trigger]] = {}
        self._topic_of: dict[TriggerKey, str] = {}
        self._engine: Engine | None = None

    def bind(self, engine: Engine) -> None:
        """Run functions with ``engine``, and hear what other nodes publish."""
        self._engine = engine
        engine.network.bus.on(PublishMessage, self._hear)

    def functions(self) -> Iterator[LocalFunction]:
        """Return ``publish``."""

        def publish(data: PublishInput, context: CallContext) -> None:
            self.publish(data.topic, data.data)

        yield from builtin("publish", PublishInput, publish, description="Publish to a topic.")

    def validate_config(self, config: Any) -> None:
        """Raise InvalidConfig unless ``config`` is ``{"topic": str}``."""
        super().validate_config(config)
        _topic(config)

    async def register_trigger(self, trigger: Trigger) -> None:
        """Subscribe. Raise InvalidConfig."""
        self.validate_config(trigger.config)
        topic = _topic(trigger.config)
        await self.unregister_trigger(trigger)
        self._topics.setdefault(topic, {})[trigger.key] = trigger
        self._topic_of[trigger.key] = topic

    async def unregister_trigger(self, trigger: Trigger) -> None:
        """End the subscription; others of the topic stay."""
        topic = self._topic_of.pop(trigger.key, None)
        if topic is None:
            return
        del self._topics[topic][trigger.key]
        if not self._topics[topic]:
            del self._topics[topic]

    def subscribers(self, topic: str) -> list[Trigger]:
        """Return the subscriptions of a topic."""
        return list(self._topics.get(topic, {}).values())

    def publish(self, topic: str, data: Any) -> None:
        """Run the function of every subscription with ``data``; raise TopicNotSet without a topic.

        Outcomes are not waited for; one that fails is logged and touches no other.
        """
        if not topic:
            raise TopicNotSet()
        if self._engine is not None:
            payload = Payload.of(data)
            fire(self._engine.invoker, self.subscribers(topic), payload)
            message = PublishMessage(id=uuid.uuid4().hex, topic=topic, data=payload.json())
            self._engine.network.broadcast(message)

    def _hear(self, message: PublishMessage) -> None:
        """Run what workers of this node subscribed; the site's ran where it was published."""
        if self._engine is not None:
            owned = [t for t in self.subscribers(message.topic) if t.worker is not None]
            fire(self._engine.invoker, owned, Payload.of_json(message.data))


def _topic(config: Any) -> str:
    topic = config.get("topic") if isinstance(config, dict) else None
    if not isinstance(topic, str) or not topic:
        raise InvalidConfig("topic is required for subscribe triggers", field="topic")
    return topic
