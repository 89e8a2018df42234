"""The clients of this node."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from iii_triggers.conf import settings
from iii_triggers.engine.connections import Transport
from iii_triggers.protocol.errors import LimitExceeded


@dataclass(slots=True)
class Clients:
    """The sockets that are open; what they subscribed to stands in the feeds."""

    connected: set[Transport] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a client has gone."""

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
