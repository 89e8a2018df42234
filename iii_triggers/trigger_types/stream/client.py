"""One connected client: what it joined, and what it may do.

Its frames are handled one after another. A client that goes while a join is under way leaves what
it joined, so that listeners who count never count wrong.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from iii_triggers.conf import settings
from iii_triggers.engine.connections import Transport
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    Forbidden,
    IiiError,
    LimitExceeded,
    NotFound,
)
from iii_triggers.protocol.text import one_line
from iii_triggers.store.items import check_depth

from .events import Custom, Sent, Unauthorized, frame
from .feed import Feed
from .frames import PONG, ClientFrame, Join, JoinTarget, Leave, Message, Publish, refusal
from .places import Place
from .presence import Presence, PresenceTriggerType, StreamJoinTriggerType, StreamLeaveTriggerType
from .store import Read
from .subscription import Subscription

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

    from .registrator import StreamTriggerType

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class StreamClient:
    """A connection of a client."""

    engine: Engine
    streams: StreamTriggerType
    transport: Transport
    context: Any = None
    """What the auth function said about the client."""
    is_strict: bool = False
    """Whether a join is refused when a listener that might object fails."""
    _subscriptions: dict[str, Subscription] = field(default_factory=dict)
    _has_gone: bool = False
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._idle.set()

    async def handle(self, message: ClientFrame) -> None:
        """Act on one frame; return when that is done."""
        if self._has_gone:
            return
        self._idle.clear()
        try:
            await self._handle(message)
        finally:
            self._idle.set()

    async def _handle(self, message: ClientFrame) -> None:
        try:
            if isinstance(message, Join):
                await self._join(message.data)
            elif isinstance(message, Leave):
                await self._leave(message.data.subscription_id)
            elif isinstance(message, Publish):
                self._publish(message.data)
            else:
                self.transport.send_text(PONG)
        except ChannelSendFailed:
            logger.debug("A stream client went away.")
        except IiiError as error:
            subscription_id = "" if not hasattr(message, "data") else message.data.subscription_id
            self._send(refusal(subscription_id, error))

    async def leave_after(self, handling: asyncio.Task[None]) -> None:
        """End all subscriptions, and tell the listeners, when the frame under way is done."""
        await self._idle.wait()
        handling.cancel()
        await asyncio.gather(handling, return_exceptions=True)
        for subscription_id in list(self._subscriptions):
            await self._leave(subscription_id)

    def detach(self) -> None:
        """Deliver and do nothing more; the connection has ended."""
        self._has_gone = True
        for subscription in self._subscriptions.values():
            self.streams.feeds.unsubscribe(subscription)

    async def _join(self, target: JoinTarget) -> None:
        target.check()
        if len({*self._subscriptions, target.subscription_id}) > (
            settings.III_STREAM_MAX_SUBSCRIPTIONS
        ):
            raise LimitExceeded("The connection has too many subscriptions.")
        place = target.place
        answers = await self._ask(StreamJoinTriggerType.id, target.subscription_id, place)
        if self._is_refused(answers):
            self._send(frame(place, Unauthorized()).decode())
            return
        subscription = Subscription(
            id=target.subscription_id,
            place=place,
            transport=self.transport,
            may_publish=any(_says(answer, "publish") for answer in answers),
        )
        self._remove(subscription.id)
        self._subscriptions[subscription.id] = subscription
        feed = self.streams.feeds.subscribe(subscription)
        await self.engine.network.met()
        if target.since is None or not await self._resume(feed, subscription, target.since):
            await self._begin(feed, subscription)

    def _is_refused(self, answers: list[Payload | IiiError]) -> bool:
        return any(
            self.is_strict if isinstance(answer, IiiError) else _says(answer, "unauthorized")
            for answer in answers
        )

    async def _resume(self, feed: Feed, subscription: Subscription, since: int) -> bool:
        """Send what happened after ``since``; tell whether all of it was still known."""
        place = subscription.place
        try:
            current = await self.streams.store.number(place)
        except IiiError:
            return False
        feed.expect(current)
        events = feed.told_since(since)
        if events is None or since > current:
            return False
        texts = [event.text.decode() for event in events if place.includes(event.place)]
        # More would be too much for the client's queue; a sync may be as long as it is.
        if sum(map(len, texts)) > settings.III_STREAM_MAX_SEND_QUEUE_BYTES // 2:
            return False
        subscription.begin(max(since, feed.order.at or 0), *texts)
        return True

    async def _begin(self, feed: Feed, subscription: Subscription) -> None:
        """Send what is there; nothing but events when that cannot be read."""
        place = subscription.place
        try:
            read = await self._read(feed, place)
        except IiiError as error:
            logger.warning("A sync of %s failed: %s", one_line(place.stream_name), error.message)
            subscription.begin(0)
            return
        subscription.begin(read.seq, read.frame(place))
        feed.expect(read.seq)

    async def _read(self, feed: Feed, place: Place) -> Read:
        """Read what is there, again if the node skipped events meanwhile that are not in it."""
        read = await self.streams.store.sync(place)
        if read.seq < feed.floor:
            read = await self.streams.store.sync(place)
        return read

    async def _leave(self, subscription_id: str) -> None:
        """End a subscription; of one that there is not nobody is told."""
        subscription = self._remove(subscription_id)
        if subscription is not None:
            await self._ask(StreamLeaveTriggerType.id, subscription_id, subscription.place)

    def _remove(self, subscription_id: str) -> Subscription | None:
        subscription = self._subscriptions.pop(subscription_id, None)
        if subscription is not None:
            self.streams.feeds.unsubscribe(subscription)
        return subscription

    async def _ask(
        self, type_id: str, subscription_id: str, place: Place
    ) -> list[Payload | IiiError]:
        kind = self.engine.trigger_type(type_id)
        if not isinstance(kind, PresenceTriggerType):
            return []
        presence = Presence(subscription_id=subscription_id, place=place, context=self.context)
        return await kind.ask(presence)

    def _publish(self, message: Message) -> None:
        """Send an event to everybody, if the join of the subscription allowed it."""
        if not settings.III_STREAM_CLIENT_PUBLISH:
            raise Forbidden("Clients may not publish.")
        subscription = self._subscriptions.get(message.subscription_id)
        if subscription is None:
            raise NotFound("There is no such subscription.")
        if not subscription.may_publish:
            raise Forbidden("The join did not allow to publish.")
        check_depth(from_json(message.data))
        sent = Custom(Sent(type=message.type, data=message.data))
        self.streams.sending.send(subscription.place, sent)

    def _send(self, text: str) -> None:
        try:
            self.transport.send_text(text)
        except ChannelSendFailed:
            logger.debug("A stream client went away.")


def _says(answer: Payload | IiiError, key: str) -> bool:
    """Tell whether a listener answered an object in which ``key`` is true, and nothing like it."""
    if isinstance(answer, IiiError):
        return False
    value = answer.value()
    return isinstance(value, dict) and value.get(key) is True
