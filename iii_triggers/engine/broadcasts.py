"""Messages that a node tells all others: numbered, so that none gets lost unnoticed.

Each node numbers what it tells and keeps the newest of it. Who gets a number that does not follow
the one before asks for what is between, and holds back what came; how far the numbers go is told
again a second later, and with every heartbeat. So what the channel layer loses comes a moment
later, in order and once. Only what its sender keeps no longer, or was lost with it, is missed: that
is counted, and told.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .bus import Bus, Deliver
from .bus_messages import Broadcast, GoneMessage, NewestMessage, RepeatMessage
from .remote_functions import RemoteFunctions

logger = logging.getLogger(__name__)

KEEP = 1000
KEEP_BYTES = 4 * 1024 * 1024
"""What a node keeps of its own messages, to repeat them: so many, of so many bytes of data."""
TELL_NEWEST_S = 1.0
"""How long after a message its number is told again."""
ASK_S = 1.0
ASKS = 15
"""How often, and every how many seconds, a node is asked for what was lost."""
MAX_HELD = 5000
"""Messages of one node that may wait for one that was lost."""


@dataclass(slots=True)
class Told:
    """What this node told: the number of the newest, and the newest themselves."""

    number: int = 0
    _kept: deque[tuple[Broadcast, int]] = field(default_factory=deque)
    _bytes: int = 0

    @property
    def oldest(self) -> int:
        """The number of the oldest that can be repeated; one that will come if there is none."""
        return self._kept[0][0].number if self._kept else self.number + 1

    def add(self, message: Broadcast) -> None:
        """Number a message and keep it."""
        self.number += 1
        message.number = self.number
        size = len(getattr(message, "data", b""))
        self._kept.append((message, size))
        self._bytes += size
        while len(self._kept) > KEEP or self._bytes > KEEP_BYTES:
            self._bytes -= self._kept.popleft()[1]

    def between(self, first: int, last: int) -> list[Broadcast]:
        """Return what is kept of the messages with these numbers."""
        return [message for message, _ in self._kept if first <= message.number <= last]


@dataclass(slots=True, kw_only=True)
class Heard:
    """How far the messages of one other node were heard."""

    sender: str
    next: int
    """The number of the one that comes next."""
    newest: int = 0
    """The highest number that is known of."""
    held: dict[int, Deliver] = field(default_factory=dict)
    asked_to: int = 0
    """The last number that was asked for."""
    asks: int = 0
    """How often it was."""
    timer: asyncio.TimerHandle | None = None

    @property
    def is_behind(self) -> bool:
        """Whether something is known to be lost, or under way."""
        return self.next <= self.newest

    @property
    def gap_end(self) -> int:
        """The last number that is missing, of those that come next."""
        return min(self.held, default=self.newest + 1) - 1

    def take(self, number: int, deliver: Deliver) -> None:
        """Deliver a message, or hold it until those before it are there; drop what was had."""
        if number == self.next:
            self.next += 1
            deliver()
            self.release()
        elif number > self.next:
            self.held.setdefault(number, deliver)
            self.newest = max(self.newest, number)

    def release(self) -> None:
        """Deliver what waits no longer for anything."""
        while (deliver := self.held.pop(self.next, None)) is not None:
            self.next += 1
            deliver()

    def skip(self, before: int) -> int:
        """Wait no longer for messages before a number; return how many were missed."""
        missed = 0
        while self.next < before:
            if (deliver := self.held.pop(self.next, None)) is not None:
                deliver()
            else:
                missed += 1
            self.next += 1
        self.release()
        return missed

    def stop_asking(self) -> None:
        """End the asking for what is missing."""
        self.asks = 0
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Broadcasts:
    """Tells all other nodes, and hears each of them in order."""

    def __init__(self, *, bus: Bus, node_id: str, others: RemoteFunctions) -> None:
        self.missed = 0
        """How many messages of other nodes were lost for good."""
        self.on_missed: list[Callable[[str], None]] = []
        """Told the id of the node whose messages those were."""
        self._bus = bus
        self._node_id = node_id
        self._others = others
        self._told = Told()
        self._heard: dict[str, Heard] = {}
        self._reminder: asyncio.TimerHandle | None = None
        bus.on_broadcast = self._take
        bus.on(NewestMessage, self._on_newest)
        bus.on(RepeatMessage, self._on_repeat)
        bus.on(GoneMessage, self._on_gone)

    @property
    def number(self) -> int:
        """The number of the newest message that this node told."""
        return self._told.number

    def tell(self, message: Broadcast) -> None:
        """Send a message to every other node, without waiting."""
        channels = self._others.channels()
        if not channels:
            return
        message.sender = self._node_id
        self._told.add(message)
        self._bus.send_to_all(channels, message)
        if self._reminder is None:
            loop = asyncio.get_running_loop()
            self._reminder = loop.call_later(TELL_NEWEST_S, self.remind)

    def remind(self) -> None:
        """Tell how far the numbers go, if there are any."""
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None
        if self._told.number:
            newest = NewestMessage(id="newest", sender=self._node_id, number=self._told.number)
            self._bus.send_to_all(self._others.channels(), newest)

    def stop(self) -> None:
        """Remind and ask nobody any more."""
        if self._reminder is not None:
            self._reminder.cancel()
        for heard in self._heard.values():
            heard.stop_asking()

    def meet(self, sender: str, number: int) -> None:
        """Hear a node from the message after this one on; one that is known told so many."""
        heard = self._heard.setdefault(sender, Heard(sender=sender, next=number + 1))
        heard.newest = max(heard.newest, number)
        self._catch_up(heard)

    def senders(self) -> set[str]:
        """Return the ids of the nodes that were heard."""
        return set(self._heard)

    def forget(self, sender: str) -> None:
        """Wait for nothing more of a node that is gone."""
        heard = self._heard.pop(sender, None)
        if heard is not None:
            heard.stop_asking()
            self._miss(heard, before=heard.newest + 1)

    def _take(self, message: Broadcast, deliver: Deliver) -> None:
        heard = self._heard.get(message.sender)
        if heard is None:
            heard = Heard(sender=message.sender, next=message.number)
            self._heard[message.sender] = heard
        heard.take(message.number, deliver)
        if heard.is_behind or heard.timer is not None:
            self._catch_up(heard)

    def _on_newest(self, message: NewestMessage) -> None:
        self.meet(message.sender, message.number)

    def _on_repeat(self, message: RepeatMessage) -> None:
        if message.first < self._told.oldest:
            gone = GoneMessage(id=message.id, sender=self._node_id, before=self._told.oldest)
            self._bus.send(message.reply_to, gone)
        for told in self._told.between(message.first, message.last):
            self._bus.send(message.reply_to, told)

    def _on_gone(self, message: GoneMessage) -> None:
        heard = self._heard.get(message.sender)
        if heard is not None:
            self._miss(heard, before=message.before)
            self._catch_up(heard)

    def _catch_up(self, heard: Heard) -> None:
        """Ask for what is missing, unless that was asked for a moment ago."""
        if not heard.is_behind:
            heard.stop_asking()
        elif heard.next > heard.asked_to:
            heard.stop_asking()
            self._ask(heard)
        elif len(heard.held) > MAX_HELD:
            self._give_up(heard)

    def _ask(self, heard: Heard) -> None:
        if heard.asks >= ASKS:
            self._give_up(heard)
            return
        heard.asks += 1
        heard.asked_to = heard.gap_end
        sender = self._others.node(heard.sender)
        if sender is not None:
            message = RepeatMessage(
                id=uuid.uuid4().hex,
                reply_to=self._bus.channel,
                first=heard.next,
                last=heard.asked_to,
            )
            self._bus.send(sender.channel, message)
        heard.timer = asyncio.get_running_loop().call_later(ASK_S, self._ask, heard)

    def _give_up(self, heard: Heard) -> None:
        self._miss(heard, before=heard.gap_end + 1)
        self._catch_up(heard)

    def _miss(self, heard: Heard, *, before: int) -> None:
        missed = heard.skip(before)
        if not missed:
            return
        self.missed += missed
        logger.warning("%d messages of node %s were lost.", missed, heard.sender)
        for watcher in self.on_missed:
            try:
                watcher(heard.sender)
            except Exception:
                logger.exception("Nobody was told that messages were lost.")
