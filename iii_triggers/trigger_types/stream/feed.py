"""What this node hears of one group: in order, and each event once.

Events have numbers that count what happens in the group on all nodes. One that comes early waits
for those before it; what does not come in time is made up for by a new sync (``feeds``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from iii_triggers.conf import settings
from iii_triggers.trigger_types.ordering import InOrder

from .events import StreamEvent
from .kept import GroupName, KeptEvents
from .subscription import Subscription


@dataclass(slots=True, kw_only=True, eq=False)
class Feed:
    """One group."""

    name: GroupName
    kept: KeptEvents
    """Of this group: the newest events that were told, none missing among them."""
    fire: Callable[[StreamEvent], None]
    """Fires the triggers of workers."""
    on_gap: Callable[[Feed], None]
    """Called when an event does not come."""
    subscriptions: dict[Subscription, None] = field(default_factory=dict)
    order: InOrder[StreamEvent] = field(init=False)
    floor: int = 0
    """Not all events up to this one were told: the first sync of a subscriber must have it."""
    is_catching_up: bool = False

    def __post_init__(self) -> None:
        self.order = InOrder(
            deliver=self._deliver, on_gap=lambda: self.on_gap(self), wait_s=_wait_s
        )

    @property
    def told(self) -> list[Subscription]:
        """The subscriptions that have had their first sync."""
        return [one for one in self.subscriptions if not one.is_waiting]

    def take(self, event: StreamEvent) -> None:
        """Tell of an event when its turn has come."""
        if event.seq is None:
            self._tell(event)
            return
        if self.order.at is None:
            self.floor = event.seq - 1
        if not self.order.take(event.seq, event):
            # Subscribers have had a sync with it. A trigger had better fire late than never.
            self.fire(event)

    def expect(self, seq: int) -> None:
        """Know that events up to ``seq`` were made, somewhere; some may be on their way."""
        self.order.begin(seq)
        self.order.expect(seq)

    def told_since(self, seq: int) -> list[StreamEvent] | None:
        """Return the events after ``seq`` that were told; None if not all of them are kept."""
        kept = self.kept.of(self.name)
        if self.order.at is None or seq < self.order.at - len(kept):
            return None
        return [event for event in kept if event.seq is not None and event.seq > seq]

    def skip_to(self, seq: int) -> int:
        """Wait no more for what is missing up to ``seq``; return how many events that are."""
        come, missing = self.order.skip_to(seq)
        for event in come:
            self.fire(event)
        self.kept.forget(self.name)
        self.floor = max(self.floor, seq)
        self.order.hand_on()
        return missing

    def _deliver(self, event: StreamEvent) -> None:
        self.kept.add(event)
        self._tell(event)

    def _tell(self, event: StreamEvent) -> None:
        text = event.text.decode() if self.subscriptions else ""
        for subscription in list(self.subscriptions):
            if subscription.place.includes(event.place):
                subscription.push(event.seq, text)
        self.fire(event)


def _wait_s() -> float:
    return settings.III_STREAM_GAP_MS / 1000
