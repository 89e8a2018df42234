"""What this worker offers: everything the engine must be told again on each connection.

Frames are kept as they were first sent, so that later changes to a caller's dict change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from iii_triggers.protocol.messages import RegisterTrigger


@dataclass(frozen=True, slots=True, eq=False)
class FunctionEntry:
    """A function: its registration as a frame, and the code to run."""

    frame: str
    handler: Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class TriggerEntry:
    """A trigger of this worker: its registration, as a message and as a frame."""

    frame: str
    message: RegisterTrigger


@dataclass(frozen=True, slots=True)
class Registry:
    """The trigger types (as frames), functions and triggers of this worker, by id."""

    trigger_types: dict[str, str] = field(default_factory=dict)
    functions: dict[str, FunctionEntry] = field(default_factory=dict)
    triggers: dict[str, TriggerEntry] = field(default_factory=dict)

    def frames(self) -> list[str]:
        """Return every registration, in an order in which each finds what it refers to."""
        return [
            *self.trigger_types.values(),
            *(function.frame for function in self.functions.values()),
            *(trigger.frame for trigger in self.triggers.values()),
        ]

    def put_trigger(self, entry: TriggerEntry) -> TriggerEntry | None:
        """Store ``entry`` and return the one with the same id that it replaces."""
        previous = self.triggers.get(entry.message.id)
        self.triggers[entry.message.id] = entry
        return previous

    def withdraw_trigger(self, entry: TriggerEntry, previous: TriggerEntry | None) -> None:
        """Undo ``put_trigger`` after a refusal: the engine keeps the one it had before."""
        trigger_id = entry.message.id
        if self.triggers.get(trigger_id) is not entry:
            return
        if previous is None:
            del self.triggers[trigger_id]
        else:
            self.triggers[trigger_id] = previous
