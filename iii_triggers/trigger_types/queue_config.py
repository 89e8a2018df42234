"""The config of queue triggers (trigger reference, sections 4.2 and 4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iii_triggers.conf import settings
from iii_triggers.delivery.policy import Policy
from iii_triggers.engine.conditions import condition_in
from iii_triggers.protocol.errors import InvalidConfig

MAX_NUMBER = 2**31 - 1

TUNING_SCHEMA = {
    "title": "Tuning",
    "description": "How messages are tried and how many run at the same time.",
    "type": "object",
    "properties": {
        "type": {
            "title": "Type",
            "description": "concurrent, or fifo: one after the other.",
            "enum": ["concurrent", "standard", "fifo"],
        },
        "maxRetries": {
            "title": "Retries",
            "description": "Attempts after the first one.",
            "type": "integer",
            "minimum": 0,
        },
        "concurrency": {
            "title": "Concurrency",
            "description": "How many messages run at the same time, on all nodes together.",
            "type": "integer",
            "minimum": 1,
        },
        "backoffDelayMs": {
            "title": "Pause (ms)",
            "description": "Pause after the first failure.",
            "type": "integer",
            "minimum": 0,
        },
        "backoffType": {
            "title": "Kind of pause",
            "description": "Whether the pause doubles with every failure.",
            "enum": ["exponential", "fixed"],
        },
        "delaySeconds": {
            "title": "Delay (s)",
            "description": "How long a message waits before its first attempt.",
            "type": "number",
            "minimum": 0,
        },
        "visibilityTimeout": {
            "title": "Timeout (s)",
            "description": "Seconds that one attempt may take.",
            "type": "number",
            "exclusiveMinimum": 0,
        },
        "messageGroupField": {
            "title": "Ordering key",
            "description": "With fifo: the key of the message that orders; others run beside.",
            "type": "string",
        },
    },
}

CONFIG_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Queue subscription",
    "type": "object",
    "required": ["topic"],
    "properties": {
        "topic": {
            "title": "Topic",
            "description": "The exact name of the topic.",
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "examples": ["orders.created"],
        },
        "condition_function_id": {
            "title": "Condition",
            "description": "A function that gets the message first; false skips it.",
            "type": "string",
        },
        "queue_config": TUNING_SCHEMA,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueConfig:
    """A config that was checked."""

    topic: str
    policy: Policy


def parse_config(config: Any) -> QueueConfig:
    """Return the config, checked; raise InvalidConfig with the key at fault.

    The tuning stands in ``queue_config``, or where the oldest SDKs put it, in
    ``metadata.infrastructure.queue``; its keys may be written in snake_case as well.
    """
    if not isinstance(config, Mapping):
        raise InvalidConfig("The config must be a JSON object.")
    return QueueConfig(topic=_topic(config), policy=_policy(config))


def _topic(config: Mapping[str, Any]) -> str:
    topic = config.get("topic")
    if not isinstance(topic, str) or not topic:
        raise InvalidConfig("topic is required for queue triggers", field="topic")
    if len(topic) > settings.III_MAX_ID_LENGTH or "\0" in topic:
        raise InvalidConfig("The topic holds a NUL character or is too long.", field="topic")
    return topic


def _policy(config: Mapping[str, Any]) -> Policy:
    tuning = _Tuning(_tuning(config))
    kind = tuning.choice("type", ("concurrent", "standard", "fifo"))
    retries = tuning.whole("maxRetries", at_least=0)
    timeout_s = tuning.number("visibilityTimeout", at_least=0.001)
    return Policy(
        max_attempts=None if retries is None else retries + 1,
        backoff_ms=tuning.whole("backoffDelayMs", at_least=0),
        backoff_type=tuning.choice("backoffType", ("exponential", "fixed")) or "exponential",  # type: ignore[arg-type]  # one of the choices
        concurrency=tuning.whole("concurrency", at_least=1),
        timeout_ms=None if timeout_s is None else int(timeout_s * 1000),
        condition_function_id=condition_in(config),
        is_ordered=kind == "fifo",
        order_by=tuning.text("messageGroupField"),
        delay_s=tuning.number("delaySeconds", at_least=0) or 0,
    )


def _tuning(config: Mapping[str, Any]) -> Mapping[str, Any]:
    if config.get("queue_config") is not None:
        tuning, field = config["queue_config"], "queue_config"
    else:
        tuning, field = config.get("metadata"), "metadata"
        for key in ("infrastructure", "queue"):
            tuning = tuning.get(key) if isinstance(tuning, Mapping) else None
    if tuning is None:
        return {}
    if not isinstance(tuning, Mapping):
        raise InvalidConfig("The queue config must be an object.", field=field)
    return tuning


@dataclass(frozen=True, slots=True)
class _Tuning:
    """Reads the tuning keys; each is optional and null is the same as absent."""

    values: Mapping[str, Any]

    def number(self, key: str, *, at_least: float) -> float | None:
        """Return a number."""
        value = self._value(key)
        if value is None:
            return None
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not at_least <= value <= MAX_NUMBER:
            raise self._wrong(key, f"a number of at least {at_least:g}")
        return float(value)

    def whole(self, key: str, *, at_least: int) -> int | None:
        """Return a whole number."""
        value = self.number(key, at_least=at_least)
        if value is not None and not value.is_integer():
            raise self._wrong(key, "a whole number")
        return None if value is None else int(value)

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """Return one of the choices."""
        value = self._value(key)
        if value is not None and value not in choices:
            raise self._wrong(key, f"one of {', '.join(choices)}")
        return None if value is None else str(value)

    def text(self, key: str) -> str | None:
        """Return text that is not empty."""
        value = self._value(key)
        if value is not None and (not isinstance(value, str) or not value):
            raise self._wrong(key, "the name of a key")
        return value

    def _value(self, key: str) -> Any:
        value = self.values.get(key)
        return self.values.get(_snake(key)) if value is None else value

    def _wrong(self, key: str, what: str) -> InvalidConfig:
        return InvalidConfig(f"queue_config.{key} must be {what}.", field="queue_config")


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
