"""The ``configuration`` trigger type (trigger reference, section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.events import EventMessage, EventTriggerType, announce, text_in
from iii_triggers.trigger_types.filters import Filter

from .changes import PREFIX, ConfigurationChange, EventType
from .functions import configuration_functions

if TYPE_CHECKING:
    from iii_triggers.engine.functions import LocalFunction

TYPE_ID = "configuration"
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
EVENT_NAMES = [f"{PREFIX}{event_type}" for event_type in EVENT_TYPES]
KNOWN_NAMES = [None, *EVENT_TYPES, *EVENT_NAMES]


class ConfigurationMessage(EventMessage, tag="iii.configuration"):
    """A change of a configuration, for the workers of another node."""


class ConfigurationTriggerType(EventTriggerType):
    """Runs a function for every change of a configuration that its config asks for."""

    id = TYPE_ID
    description = "Runs a function when a configuration is registered, updated or deleted."
    message_type = ConfigurationMessage
    parse_error = "Failed to parse configuration trigger config"
    config_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration changes",
        "type": "object",
        "properties": {
            "configuration_id": {
                "title": "Configuration",
                "description": "The id of the configuration; without it, any.",
                "type": "string",
                "examples": ["mail"],
            },
            "event_types": {
                "title": "Events",
                "description": "What is told; without it, everything.",
                "type": "array",
                "items": {"enum": EVENT_NAMES},
                "examples": [["configuration:updated"]],
            },
            "condition_function_id": {
                "title": "Condition",
                "description": "A function that gets the change first; a plain false skips it.",
                "type": "string",
            },
        },
    }
    call_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Change",
        "type": "object",
        "required": ["type", "event_type", "id", "old_value", "new_value"],
        "properties": {
            "type": {"const": "configuration"},
            "event_type": {"enum": EVENT_NAMES},
            "id": {"type": "string"},
            "name": {"type": "string"},
            "description": {"type": "string"},
            "schema": {"type": "object"},
            "old_value": {"description": "As stored; null if there was none."},
            "new_value": {"description": "Expanded; null if it was deleted."},
            "metadata": {},
        },
    }

    def functions(self) -> Iterator[LocalFunction]:
        """Return ``configuration::*``."""
        if self._engine is not None:
            yield from configuration_functions(
                self._engine, lambda change: self.fire(change.event())
            )

    def filters_of(self, config: Mapping[str, Any]) -> Iterable[Filter]:
        """Return the id and the event types a config asks for. Raise InvalidConfig."""
        id_ = text_in(config, "configuration_id")
        return [(id_, event_type) for event_type in _event_types(config)]


def configuration_changed(change: ConfigurationChange) -> None:
    """Fire the triggers of a change that plain code made, after its transaction."""
    announce(TYPE_ID, change.event())


def _event_types(config: Mapping[str, Any]) -> list[str | None]:
    """Return the events a config asks for, with or without their prefix; None is any."""
    names = config.get("event_types") or [None]
    if not isinstance(names, list) or not all(name in KNOWN_NAMES for name in names):
        allowed = ", ".join(EVENT_NAMES)
        raise InvalidConfig(f"event_types must be a list of {allowed}", field="event_types")
    return [name and name.removeprefix(PREFIX) for name in names]
