"""The clients of this node and what they subscribed to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from iii_triggers.conf import settings
from iii_triggers.engine.connections import Transport
from iii_triggers.protocol.errors import ChannelSendFailed, LimitExceeded

from .events import StreamEvent
from .places import Place

OVERLOADED = 1013
"""Close code of a client that does not keep up; it may come back."""


@dataclass(slots=True, kw_only=True, eq=False)
class Subscription:
    """One subscription of one client.

    Events that come while its first sync is read wait, so that none is missed and none is older
    than what the sync says.
    """

    id: str
    place: Place
    transport: Transport
    may_publish: bool = False
    _waiting: list[tuple[StreamEvent, str]] | None = field(default_factory=list)
    _waiting_chars: int = 0

    def push(self, event: StreamEvent, text: str) -> None:
        """Send an event, or keep it until the sync is there; only so much is kept."""
        if self._waiting is None:
            self.send(text)
            return
        self._waiting_chars += len(text)
        if self._waiting_chars <= settings.III_STREAM_MAX_SEND_QUEUE_BYTES:
            self._waiting.append((event, text))
        else:
            self._waiting.clear()
            self.transport.close(OVERLOADED)

    def begin(self, sync: str | None, position: int | None) -> None:
        """Send the sync, then what happened after it was read; from now on events pass."""
        waiting, self._waiting = self._waiting or [], None
        if sync is not None:
            self.send(sync)
        for event, text in waiting:
            if not _is_in(event, position):
                self.send(text)

    def send(self, text: str) -> None:
        """Send a frame; a client that cannot be written to is about to go."""
        with suppress(ChannelSendFailed):
            self.transport.send_text(text)


@dataclass(slots=True)
class Clients:
    """Subscriptions by group; an event costs what the subscriptions of its group cost."""

    connected: set[Transport] = field(default_factory=set)
    """The sockets of the clients."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a client has gone."""
    _groups: dict[tuple[str, str], dict[Subscription, None]] = field(default_factory=dict)

    @contextmanager
    def connection(self, transport: Transport) -> Iterator[None]:
        """Know a client as long as it is connected. Raise LimitExceeded if there are too many."""
        if len(self.connected) >= settings.III_STREAM_MAX_CLIENTS:
            raise LimitExceeded("There are too many stream clients.")
        self.connected.add(transport)
        try:
            yield
        finally:
            self.connected.discard(transport)
            self.changed.set()

    def add(self, subscription: Subscription) -> None:
        """Have events delivered to a subscription."""
        self._groups.setdefault(subscription.place.group, {})[subscription] = None

    def remove(self, subscription: Subscription) -> None:
        """Deliver no more to a subscription."""
        group = self._groups.get(subscription.place.group, {})
        group.pop(subscription, None)
        if not group:
            self._groups.pop(subscription.place.group, None)

    def deliver(self, event: StreamEvent) -> None:
        """Send an event to everybody who subscribed to it, without waiting."""
        subscriptions = list(self._for(event.place))
        if subscriptions:
            text = event.text.decode()
            for subscription in subscriptions:
                subscription.push(event, text)

    def _for(self, place: Place) -> Iterator[Subscription]:
        for subscription in self._groups.get(place.group, ()):
            if subscription.place.includes(place):
                yield subscription


def _is_in(event: StreamEvent, position: int | None) -> bool:
    """Tell whether a write is known to have happened before what was read at ``position``."""
    return position is not None and event.position is not None and event.position < position
