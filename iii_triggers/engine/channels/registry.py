"""The channels of one process: who may take which side of which."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
import uuid
from dataclasses import dataclass, field
from typing import Protocol

from iii_triggers.conf import settings
from iii_triggers.engine.access.sessions import Session
from iii_triggers.protocol.errors import LimitExceeded

from .channel import Channel, Direction
from .errors import ChannelNotFound

DEFAULT_MESSAGES = 64
MAX_MESSAGES = 1024
KEY_CHARS = 32
PARTS = 4
"""A worker under rules cannot have more than one such part of all channels."""

_KEYS_AT_ONCE = 256

Ref = dict[str, str]


def channel_ref(channel_id: str, access_key: str, direction: Direction) -> Ref:
    """Return what SDKs make a reader or a writer of, wherever it stands in their input.

    ``{"channel_id": str, "access_key": str, "direction": "read" | "write"}``.
    """
    return {"channel_id": channel_id, "access_key": access_key, "direction": direction}


def new_channel(buffer_size: int = DEFAULT_MESSAGES) -> Channel:
    """Return a channel for ``buffer_size`` messages (1 to 1024), and as many bytes as is set."""
    return Channel(
        max_messages=max(1, min(buffer_size, MAX_MESSAGES)),
        max_bytes=settings.III_CHANNEL_BUFFER_BYTES,
    )


class ChannelSource(Protocol):
    """Something that has channels, but makes them only when somebody takes a side.

    Its channels are named: the id of one is the id of the source, a dot, and the name.
    """

    def access_key(self, name: str) -> str | None:
        """Return the key of a channel; None if there is no such channel."""

    def take(self, name: str, direction: Direction) -> Channel:
        """Return a channel, one side of which is now taken. Raise ChannelTaken."""


@dataclass(slots=True, kw_only=True)
class _Opened:
    channel: Channel
    access_key: str
    opened_at: float
    sides_left: int = 2
    session: Session | None = None


@dataclass(slots=True)
class Channels:
    """Channels by id, and sources of channels by theirs."""

    _opened: dict[str, _Opened] = field(default_factory=dict)
    _sources: dict[str, ChannelSource] = field(default_factory=dict)
    _idle: asyncio.Event | None = None
    """There while somebody waits for the last source to go."""
    _keys: list[tuple[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        """Return how many channels are open that ``create`` made."""
        return len(self._opened)

    @property
    def sources(self) -> int:
        """How many sources of channels there are, such as requests under way."""
        return len(self._sources)

    def new_keys(self) -> tuple[str, str]:
        """Return two secrets of 128 bits; many are made at once, because that is much cheaper."""
        if not self._keys:
            noise = os.urandom(_KEYS_AT_ONCE * KEY_CHARS // 2).hex()
            keys = [noise[i : i + KEY_CHARS] for i in range(0, len(noise), KEY_CHARS)]
            self._keys = list(zip(keys[::2], keys[1::2], strict=True))
        return self._keys.pop()

    def create(
        self, *, buffer_size: int = DEFAULT_MESSAGES, session: Session | None = None
    ) -> tuple[str, str]:
        """Open a channel and return its id and key. Raise LimitExceeded if there are too many.

        Workers of one ``session``, if it is under rules, have a part of them at most.
        """
        if len(self._opened) >= settings.III_MAX_CHANNELS or self._has_its_part(session):
            raise LimitExceeded("Too many channels are open.")
        channel_id, key = str(uuid.uuid4()), self.new_keys()[0]
        self._opened[channel_id] = _Opened(
            channel=new_channel(buffer_size),
            access_key=key,
            opened_at=time.monotonic(),
            session=session,
        )
        return channel_id, key

    def add_source(self, source_id: str, source: ChannelSource) -> None:
        """Let the channels of ``source`` be taken."""
        self._sources[source_id] = source

    def remove_source(self, source_id: str) -> None:
        """Forget the channels of a source; what was taken stays with those who took it."""
        self._sources.pop(source_id, None)
        if self._idle is not None and not self._sources:
            self._idle.set()

    async def wait_idle(self, timeout_s: float) -> bool:
        """Wait until there is no source of channels; tell whether that happened in time."""
        self._idle = asyncio.Event()
        if not self._sources:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def take(self, channel_id: str, access_key: str, direction: Direction) -> Channel:
        """Take one side of a channel.

        Raise ChannelNotFound for an unknown id or a wrong key, ChannelTaken if the side is taken.
        """
        opened = self._opened.get(channel_id)
        if opened is None:
            return self._take_from_source(channel_id, access_key, direction)
        _check(opened.access_key, access_key)
        opened.channel.take(direction)
        return opened.channel

    def leave(self, channel_id: str) -> None:
        """Note that one who took a side is done; without sides left the channel is forgotten.

        So it is when the reader left, though the writer has yet to learn of it, or never will.
        """
        opened = self._opened.get(channel_id)
        if opened is not None:
            opened.sides_left -= 1
            channel = opened.channel
            if not opened.sides_left or (channel.is_complete and channel.is_abandoned):
                del self._opened[channel_id]

    async def sweep(self) -> None:
        """Drop channels one side of which has waited too long for the other."""
        oldest = time.monotonic() - settings.III_CHANNEL_TTL_S
        for channel_id, opened in list(self._opened.items()):
            if opened.opened_at <= oldest and not opened.channel.is_complete:
                del self._opened[channel_id]
                opened.channel.finish()
                opened.channel.abandon()

    def stop(self) -> None:
        """Drop everything."""
        for opened in self._opened.values():
            opened.channel.break_off()
            opened.channel.abandon()
        self._opened.clear()
        self._sources.clear()

    def _has_its_part(self, session: Session | None) -> bool:
        if session is None or session.is_open:
            return False
        opened = (one.session for one in self._opened.values())
        own = sum(one is session or one == session for one in opened)
        return own * PARTS >= settings.III_MAX_CHANNELS

    def _take_from_source(self, channel_id: str, access_key: str, direction: Direction) -> Channel:
        source_id, _, name = channel_id.rpartition(".")
        source = self._sources.get(source_id)
        if source is None:
            raise ChannelNotFound()
        _check(source.access_key(name), access_key)
        return source.take(name, direction)


def _check(key: str | None, given: str) -> None:
    if key is None or not hmac.compare_digest(key.encode(), given.encode("utf-8", "replace")):
        raise ChannelNotFound()
