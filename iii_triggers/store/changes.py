"""What became of a state item, as ``state`` triggers tell it (trigger reference, section 7.2)."""

from __future__ import annotations

from dataclasses import dataclass

from iii_triggers.protocol.codec import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """A state item was written or deleted; its values are JSON text."""

    scope: str
    key: str
    old: bytes | None
    """None: there was none."""
    new: bytes | None
    """None: it was deleted."""

    @property
    def event_type(self) -> str:
        """What happened, as the payload names it."""
        if self.new is None:
            return "state:deleted"
        return "state:created" if self.old is None else "state:updated"

    def json(self) -> bytes:
        """Return what functions get.

        ``{"type": "state", "event_type": "state:created" | "state:updated" | "state:deleted",
        "scope": str, "key": str, "old_value": any, "new_value": any}``
        """
        names = {
            "type": "state",
            "event_type": self.event_type,
            "scope": self.scope,
            "key": self.key,
        }
        values = (self.old or b"null", self.new or b"null")
        return to_json(names)[:-1] + b',"old_value":%b,"new_value":%b}' % values
