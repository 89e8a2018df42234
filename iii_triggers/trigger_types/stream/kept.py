"""The newest events, kept for clients that come back and say what they heard last."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from iii_triggers.conf import settings

from .events import StreamEvent

OVERHEAD_BYTES = 500
"""What an event takes beside its text, about."""

GroupName = tuple[str, str]


@dataclass(slots=True)
class KeptEvents:
    """The events of all groups of this node; groups where nothing happens give way first."""

    _groups: OrderedDict[GroupName, deque[StreamEvent]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def add(self, event: StreamEvent) -> None:
        """Keep an event, the next one of its group."""
        name = event.place.group
        events = self._groups.setdefault(name, deque())
        self._groups.move_to_end(name)
        events.append(event)
        self._bytes += _size(event)
        if len(events) > settings.III_STREAM_RESUME_EVENTS:
            self._drop_first(name, events)
        while self._bytes > settings.III_STREAM_RESUME_BYTES:
            self._drop_first(*next(iter(self._groups.items())))

    def of(self, name: GroupName) -> Sequence[StreamEvent]:
        """Return the events of a group, oldest first."""
        return self._groups.get(name, ())

    def forget(self, name: GroupName) -> None:
        """Keep nothing of a group."""
        self._bytes -= sum(_size(event) for event in self._groups.pop(name, ()))

    def _drop_first(self, name: GroupName, events: deque[StreamEvent]) -> None:
        self._bytes -= _size(events.popleft())
        if not events:
            del self._groups[name]


def _size(event: StreamEvent) -> int:
    return len(event.text) + OVERHEAD_BYTES
