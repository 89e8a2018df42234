"""The config of stream triggers (trigger reference, section 6.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iii_triggers.engine.conditions import condition_in
from iii_triggers.protocol.errors import InvalidConfig

from .places import Place

NAME_KEYS = ("stream_name", "channel")
"""``channel`` is the word of the product's document for the name of a stream."""

CONFIG_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Stream events",
    "type": "object",
    "anyOf": [{"required": [key]} for key in NAME_KEYS],
    "examples": [{"stream_name": "todos", "group_id": "inbox"}, {"channel": "user-events"}],
    "properties": {
        "stream_name": {
            "title": "Stream",
            "description": "The exact name of the stream.",
            "type": "string",
            "minLength": 1,
            "examples": ["todos"],
        },
        "channel": {
            "title": "Channel",
            "description": "Another name of stream_name; one of the two is needed.",
            "type": "string",
            "minLength": 1,
            "examples": ["user-events"],
        },
        "group_id": {
            "title": "Group",
            "description": "Only events of this group; all if absent or empty.",
            "type": ["string", "null"],
            "examples": ["inbox"],
        },
        "item_id": {
            "title": "Item",
            "description": "Only events of this item; all if absent or empty.",
            "type": ["string", "null"],
        },
        "condition_function_id": {
            "title": "Condition",
            "description": "A function that gets the event first; false skips the trigger.",
            "type": ["string", "null"],
        },
    },
}


CALL_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Event of a stream",
    "type": "object",
    "required": ["type", "timestamp", "streamName", "groupId", "id", "event"],
    "properties": {
        "type": {"const": "stream"},
        "timestamp": {"type": "integer", "description": "Milliseconds."},
        "seq": {"type": "integer", "description": "Counts what happens in the group."},
        "streamName": {"type": "string"},
        "groupId": {"type": "string"},
        "id": {"type": ["string", "null"], "description": "The item."},
        "event": {
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": {"enum": ["create", "update", "delete", "event"]},
                "data": {"description": "The value; of a deleted item the last one."},
                "event": {
                    "description": "What was sent.",
                    "type": "object",
                    "properties": {"type": {"type": "string"}, "data": {}},
                },
            },
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """Which events fire a trigger."""

    stream_name: str
    group_id: str = ""
    """Empty is any."""
    item_id: str = ""
    """Empty is any."""
    condition: str | None = None
    """Id of the condition function."""

    def covers(self, place: Place) -> bool:
        """Tell whether what happens at ``place``, which is in the stream, fires the trigger."""
        return self.group_id in ("", place.group_id) and self.item_id in ("", place.item_id)


def parse_config(config: Any) -> StreamConfig:
    """Return the config as it is used. Raise InvalidConfig with the field to blame."""
    values = config if isinstance(config, dict) else {}
    return StreamConfig(
        stream_name=_stream_name(values),
        group_id=_text(values, "group_id"),
        item_id=_text(values, "item_id"),
        condition=condition_in(values),
    )


def _stream_name(values: dict[str, Any]) -> str:
    names = {key: name for key in NAME_KEYS if (name := _text(values, key))}
    if not names:
        raise InvalidConfig("stream_name is required for stream triggers", field="stream_name")
    if len(set(names.values())) > 1:
        raise InvalidConfig("stream_name and channel are two names of one thing", field="channel")
    return next(iter(names.values()))


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidConfig(
            f"Failed to deserialize stream trigger: {key} must be a string", field=key
        )
    return value or ""
