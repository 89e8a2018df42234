"""Channels for functions of the site: reading request bodies and streaming responses.

The ends are opened by the refs in a function's input (``request_body``, ``response``), or by those
that ``engine::channels::create`` returned, in the process of the engine. Methods for ``async def``
functions begin with ``a``; the others wait, and are for plain functions.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from weakref import finalize

from iii_triggers.engine.channels import Channel, Direction, Message
from iii_triggers.engine.channels.errors import (
    ChannelBroken,
    ChannelClosed,
    ChannelNotFound,
    ChannelTaken,
)
from iii_triggers.engine.process import get_engine, run_async, run_sync
from iii_triggers.protocol.errors import InvalidArguments

__all__ = [
    "ChannelBroken",
    "ChannelClosed",
    "ChannelNotFound",
    "ChannelReader",
    "ChannelTaken",
    "ChannelWriter",
    "arespond",
    "respond",
]

PIECE_BYTES = 64 * 1024
MAX_WAIT_S = 24 * 3600.0

T = TypeVar("T")


class _End:
    """One end of a channel, opened at its first use. Whoever drops it has gone away."""

    direction: Direction

    def __init__(self, ref: Mapping[str, Any]) -> None:
        if ref.get("direction") != self.direction:
            raise InvalidArguments(f"This is no ref of a channel to {self.direction}: {ref!r}")
        self._id, self._key = str(ref["channel_id"]), str(ref["access_key"])
        self._opened: Channel | None = None
        self._drop: finalize[..., _End] | None = None

    @property
    def _channel(self) -> Channel:
        """On the engine's loop only. Raise ChannelNotFound or ChannelTaken."""
        if self._opened is None:
            self._opened = get_engine().channels.take(self._id, self._key, self.direction)
            is_reader = self.direction == "read"
            end = self._opened.abandon if is_reader else self._opened.break_off
            self._drop = finalize(self, _drop, asyncio.get_running_loop(), end, self._id)
        return self._opened

    def _leave(self) -> None:
        """Once only: the channel counts who is still there."""
        if self._drop is not None and self._drop.detach() is not None:
            get_engine().channels.leave(self._id)


class ChannelReader(_End):
    """The reading end: ``for`` or ``async for`` gives its messages, str for text, bytes for binary.

    Raises ChannelBroken where the writer went away before it was done.
    """

    direction = "read"

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over the messages until the writer is done."""
        try:
            while (message := await run_async(self._get())) is not None:
                yield message
        finally:
            await run_async(self._stop())

    def __iter__(self) -> Iterator[Message]:
        """Iterate over the messages, waiting for each."""
        try:
            while (message := run_sync(self._get(), timeout_s=MAX_WAIT_S)) is not None:
                yield message
        finally:
            run_sync(self._stop(), timeout_s=MAX_WAIT_S)

    async def aread(self) -> bytes:
        """Return all binary that comes, as one."""
        return b"".join([chunk async for chunk in self if isinstance(chunk, bytes)])

    def read(self) -> bytes:
        """Return all binary that comes, as one; for plain functions."""
        return b"".join(chunk for chunk in self if isinstance(chunk, bytes))

    async def _get(self) -> Message | None:
        return await self._channel.get()

    async def _stop(self) -> None:
        if self._opened is not None:
            self._opened.abandon()
            self._leave()


class ChannelWriter(_End):
    """The writing end. Writing waits while the reader is behind.

    Raises ChannelClosed when nobody reads any more: the client went away.
    """

    direction = "write"

    async def awrite(self, message: Message) -> None:
        """Write bytes, or a str as a text message."""
        await run_async(self._put(message))

    def write(self, message: Message) -> None:
        """Write bytes, or a str as a text message; for plain functions."""
        run_sync(self._put(message), timeout_s=MAX_WAIT_S)

    async def aclose(self) -> None:
        """Say that all is written."""
        await run_async(self._finish())

    def close(self) -> None:
        """Say that all is written; for plain functions."""
        run_sync(self._finish(), timeout_s=MAX_WAIT_S)

    async def _put(self, message: Message) -> None:
        if isinstance(message, str):
            await self._channel.put(message)
            return
        for start in range(0, max(len(message), 1), PIECE_BYTES):
            await self._channel.put(bytes(message[start : start + PIECE_BYTES]))

    async def _finish(self) -> None:
        self._channel.finish()
        self._leave()

    async def _break_off(self) -> None:
        self._channel.break_off()
        self._leave()


async def arespond(
    data: Mapping[str, Any],
    chunks: AsyncIterable[bytes] | Iterable[bytes],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Stream the answer to the HTTP request that ``data`` is the input of.

    Returns when all is sent; the function then returns None. Raise ChannelClosed when the client
    went away. What ``chunks`` raises ends the answer without its proper end.
    """
    writer = ChannelWriter(data["response"])
    await run_async(_begin(writer, status, headers))
    try:
        async for chunk in _each(chunks):
            await writer.awrite(chunk)
    except BaseException:
        await run_async(writer._break_off())
        raise
    await writer.aclose()


def respond(
    data: Mapping[str, Any],
    chunks: Iterable[bytes],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Stream the answer from a plain function; otherwise like ``arespond``."""
    writer = ChannelWriter(data["response"])
    run_sync(_begin(writer, status, headers), timeout_s=MAX_WAIT_S)
    try:
        for chunk in chunks:
            writer.write(chunk)
    except BaseException:
        run_sync(writer._break_off(), timeout_s=MAX_WAIT_S)
        raise
    writer.close()


def _drop(loop: asyncio.AbstractEventLoop, end: Callable[[], None], channel_id: str) -> None:
    """End what nobody holds any more, from whatever thread."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(_end, end, channel_id)


def _end(end: Callable[[], None], channel_id: str) -> None:
    end()
    get_engine().channels.leave(channel_id)


async def _begin(writer: ChannelWriter, status: int, headers: Mapping[str, str] | None) -> None:
    await writer._put(json.dumps({"type": "set_status", "status_code": status}))
    await writer._put(json.dumps({"type": "set_headers", "headers": dict(headers or {})}))


async def _each(chunks: AsyncIterable[T] | Iterable[T]) -> AsyncIterator[T]:
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in chunks:
            yield chunk
