"""The ``state`` trigger type and the functions of the state (trigger reference, section 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from iii_triggers.builtins.state import state_functions
from iii_triggers.protocol.codec import from_json
from iii_triggers.store.changes import StateChange

from .events import Event, EventMessage, EventTriggerType, announce, text_in
from .filters import Filter

if TYPE_CHECKING:
    from iii_triggers.engine.functions import LocalFunction
    from iii_triggers.models import Trigger as TriggerRow

TYPE_ID = "state"


class StateMessage(EventMessage, tag="iii.state"):
    """A change of the state, for the workers of another node."""


class StateTriggerType(EventTriggerType):
    """Runs a function for every change of the state that its config asks for."""

    id = TYPE_ID
    description = "Runs a function when a value of the state is set, updated or deleted."
    message_type = StateMessage
    parse_error = "Failed to parse trigger config"
    config_schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "State changes",
        "type": "object",
        "properties": {
            "scope": {
                "title": "Scope",
                "description": "The exact scope; without it, any.",
                "type": "string",
                "examples": ["users"],
            },
            "key": {
                "title": "Key",
                "description": "The exact key; without it, any.",
                "type": "string",
                "examples": ["42"],
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
        "required": ["type", "event_type", "scope", "key", "old_value", "new_value"],
        "properties": {
            "type": {"const": "state"},
            "event_type": {"enum": ["state:created", "state:updated", "state:deleted"]},
            "scope": {"type": "string"},
            "key": {"type": "string"},
            "old_value": {"description": "null if there was none."},
            "new_value": {"description": "null if it was deleted."},
        },
    }

    def functions(self) -> Iterator[LocalFunction]:
        """Return ``state::*``."""
        if self._engine is not None:
            yield from state_functions(self._engine, lambda change: self.fire(_event(change)))

    def sample_input(self, row: TriggerRow) -> Any:
        """Return a change that the trigger asks for."""
        config = row.config if isinstance(row.config, dict) else {}
        scope, key = config.get("scope"), config.get("key")
        change = StateChange(scope=scope or "users", key=key or "42", old=None, new=b"{}")
        return from_json(change.json())

    def filters_of(self, config: Mapping[str, Any]) -> Iterable[Filter]:
        """Return the scope and key that a config asks for. Raise InvalidConfig."""
        return [(text_in(config, "scope"), text_in(config, "key"))]


def state_changed(change: StateChange) -> None:
    """Fire the triggers of a change that plain code made, after its transaction."""
    announce(TYPE_ID, _event(change))


def _event(change: StateChange) -> Event:
    item = (change.scope, change.key)
    return Event(facts=item, subject=item, data=change.json())
