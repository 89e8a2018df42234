"""The groups that this node hears of, and how it makes up for events that did not come."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from iii_triggers.models import Node
from iii_triggers.protocol.errors import IiiError
from iii_triggers.protocol.text import one_line
from iii_triggers.store.counts import numbers_of

from .events import StreamEvent
from .feed import Feed
from .kept import GroupName, KeptEvents
from .places import Place
from .store import Read, StreamStore
from .subscription import Subscription

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

logger = logging.getLogger(__name__)

MAX_GROUPS = 10_000
"""How many groups nobody subscribed to are followed; those where nothing happens go first."""
CATCH_UP_S = 10.0
"""How long a sync may take to be read before subscribers are sent away, to come back."""
SERVING = (Node.Kind.ENGINE, Node.Kind.ASGI)
"""Kinds of nodes that may have clients at any time."""


@dataclass(slots=True, kw_only=True)
class Feeds:
    """Tells subscribers, and the triggers of workers, of what happens on every node."""

    engine: Engine
    store: StreamStore
    fire: Callable[[StreamEvent], None]
    """Fires the triggers of workers for an event."""
    wants: Callable[[str], bool]
    """Tells whether a worker has a trigger for a stream."""
    kept: KeptEvents = field(default_factory=KeptEvents)
    _feeds: OrderedDict[GroupName, Feed] = field(default_factory=OrderedDict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _is_closed: bool = False

    def take(self, event: StreamEvent) -> None:
        """Tell of an event, in its turn, those on this node who want to know."""
        if self._is_closed:
            return
        name = event.place.group
        is_followed = name in self._feeds or self.engine.node.kind in SERVING
        if is_followed or self.wants(event.place.stream_name):
            self._feed(name).take(event)

    def subscribe(self, subscription: Subscription) -> Feed:
        """Have events delivered to a subscription."""
        feed = self._feed(subscription.place.group)
        feed.subscriptions[subscription] = None
        return feed

    def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver no more to a subscription."""
        feed = self._feeds.get(subscription.place.group)
        if feed is not None:
            feed.subscriptions.pop(subscription, None)

    def look(self) -> None:
        """See whether subscribers missed what happened last. A unit of database work."""
        loop = self.engine.loop
        names = [name for name, feed in list(self._feeds.items()) if feed.subscriptions]
        if names and loop is not None:
            numbers = numbers_of(names)
            loop.call_soon_threadsafe(self._expect, numbers)

    def look_soon(self, node_id: str) -> None:
        """Do so because of what happened on another node."""
        self._keep(self._look())

    async def _look(self) -> None:
        with suppress(DatabaseError):  # The next heartbeat looks again.
            await self.engine.database.run(self.look)

    async def close(self) -> None:
        """Tell of nothing any more."""
        self._is_closed = True
        for feed in self._feeds.values():
            feed.order.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _feed(self, name: GroupName) -> Feed:
        feed = self._feeds.get(name)
        if feed is None:
            self._make_room()
            feed = Feed(name=name, kept=self.kept, fire=self.fire, on_gap=self._catch_up)
            self._feeds[name] = feed
        self._feeds.move_to_end(name)
        return feed

    def _make_room(self) -> None:
        """Forget a group, so that there are only so many."""
        if len(self._feeds) < MAX_GROUPS:
            return
        name, feed = next(iter(self._feeds.items()))
        if feed.subscriptions or feed.is_catching_up:
            self._feeds.move_to_end(name)
            return
        feed.order.close()
        self.kept.forget(name)
        del self._feeds[name]

    def _expect(self, numbers: Mapping[GroupName, int]) -> None:
        for name, seq in numbers.items():
            feed = self._feeds.get(name)
            if feed is not None and feed.order.at is not None:
                feed.expect(seq)

    def _catch_up(self, feed: Feed) -> None:
        """Go on after events that did not come."""
        if not feed.told:
            self._skip(feed, feed.order.first_early - 1)
        elif not feed.is_catching_up:
            feed.is_catching_up = True
            self._keep(self._sync_again(feed))

    async def _sync_again(self, feed: Feed) -> None:
        at = feed.order.at
        try:
            async with asyncio.timeout(CATCH_UP_S):
                syncs = await self._syncs(feed)
        except (IiiError, TimeoutError):
            logger.warning("Clients of the stream %s are sent away.", one_line(feed.name[0]))
            syncs = {}
        finally:
            feed.is_catching_up = False
        if feed.order.at != at:
            # What was missing came after all.
            feed.order.hand_on()
            return
        for subscription in feed.told:
            sync = syncs.get(subscription.place)
            if sync is None:
                subscription.close()
            elif subscription.seq < sync.seq:
                subscription.renew(sync.seq, sync.frame(subscription.place))
        oldest = min((sync.seq for sync in syncs.values()), default=0)
        self._skip(feed, max(oldest, feed.order.first_early - 1))

    async def _syncs(self, feed: Feed) -> dict[Place, Read]:
        """Read what the subscribers of a group need, also those who come meanwhile."""
        syncs: dict[Place, Read] = {}
        while missing := {one.place for one in feed.told} - syncs.keys():
            for place in missing:
                syncs[place] = await self.store.sync(place)
        return syncs

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _skip(self, feed: Feed, seq: int) -> None:
        missed = feed.skip_to(seq)
        if missed and self.wants(feed.name[0]):
            logger.warning(
                "The triggers of the stream %s missed %d events.", one_line(feed.name[0]), missed
            )
