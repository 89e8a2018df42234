"""One subscription of one client."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from iii_triggers.conf import settings
from iii_triggers.engine.connections import Transport
from iii_triggers.protocol.errors import ChannelSendFailed

from .places import Place

OVERLOADED = 1013
"""Close code of a client that does not keep up; it may come back."""


@dataclass(slots=True, kw_only=True, eq=False)
class Subscription:
    """What a client hears of a group or an item: each event once, and none that a sync has.

    Events that come while its first sync is read wait, so that none is missed.
    """

    id: str
    place: Place
    transport: Transport
    may_publish: bool = False
    seq: int = 0
    """The newest event that the client knows."""
    _waiting: list[tuple[int | None, str]] | None = field(default_factory=list)
    _waiting_chars: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether its first sync is being read."""
        return self._waiting is not None

    def push(self, seq: int | None, text: str) -> None:
        """Send an event, or keep it until the sync is there; only so much is kept."""
        if self._waiting is None:
            self._send_new(seq, text)
            return
        self._waiting_chars += len(text)
        if self._waiting_chars <= settings.III_STREAM_MAX_SEND_QUEUE_BYTES:
            self._waiting.append((seq, text))
        else:
            self._waiting.clear()
            self.close()

    def begin(self, seq: int, *texts: str) -> None:
        """Send how things are at ``seq``, then what happened since; events pass from now on."""
        self.renew(seq, *texts)
        waiting, self._waiting = self._waiting or [], None
        for event_seq, text in waiting:
            self._send_new(event_seq, text)

    def renew(self, seq: int, *texts: str) -> None:
        """Send how things are at ``seq``."""
        self.seq = seq
        for text in texts:
            self._send(text)

    def close(self) -> None:
        """End the connection of the client, which may come back and join again."""
        self.transport.close(OVERLOADED)

    def _send_new(self, seq: int | None, text: str) -> None:
        if seq is None:
            self._send(text)
        elif seq > self.seq:
            self.seq = seq
            self._send(text)

    def _send(self, text: str) -> None:
        """Send a frame; a client that cannot be written to is about to go."""
        with suppress(ChannelSendFailed):
            self.transport.send_text(text)
