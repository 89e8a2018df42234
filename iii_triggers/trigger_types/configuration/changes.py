"""What became of a configuration, as its triggers tell it (trigger reference, section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Raw

from iii_triggers.models import Configuration
from iii_triggers.protocol.codec import from_json, to_json
from iii_triggers.trigger_types.events import Event

from .placeholders import ExpandFailed, expand

EventType = Literal["registered", "updated", "deleted"]
PREFIX = "configuration:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChange:
    """A configuration was registered, set or deleted; its values are JSON text."""

    event_type: EventType
    row: Configuration
    old: str | None
    """None: it was not there."""
    new: str | None
    """None: it was deleted."""

    def event(self) -> Event:
        """Return what triggers fire for; ``data`` is the payload.

        ``{"type": "configuration", "event_type": "configuration:registered" |
        "configuration:updated" | "configuration:deleted", "id": str, "name": str,
        "description": str, "schema": object, "metadata"?: any, "old_value": any,
        "new_value": any}``
        The new value is expanded, and null if that fails.
        """
        id_ = self.row.config_id
        payload = {
            "type": "configuration",
            "event_type": f"{PREFIX}{self.event_type}",
            **described(self.row),
            "old_value": Raw(b"null" if self.old is None else self.old.encode()),
            "new_value": None if self.new is None else _expanded(self.new),
        }
        return Event(facts=(id_, self.event_type), subject=(id_,), data=to_json(payload))


def described(row: Configuration) -> dict[str, Any]:
    """Return ``{"id", "name", "description", "schema", "metadata"?}`` of a configuration."""
    facts: dict[str, Any] = {
        "id": row.config_id,
        "name": row.name,
        "description": row.description,
        "schema": row.schema,
    }
    return facts if row.metadata is None else {**facts, "metadata": row.metadata}


def _expanded(text: str) -> Any:
    try:
        return expand(from_json(text))
    except ExpandFailed:
        return None
