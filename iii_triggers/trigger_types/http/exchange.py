"""One request and its function: the two channels between them, and which answer comes first.

The channels cost an entry in a table; what they need is made when somebody takes an end. Rules of
the race (trigger reference, section 2.6): a result that is not null, an error, or the first binary
frame of the ``response`` channel, whichever is first. No result is 204 unless a writer is there or
comes within the grace.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import finalize

from iii_triggers.engine.calls import Call, Outcome, Pending
from iii_triggers.engine.channels import Channel, Channels, Direction
from iii_triggers.engine.channels.errors import ChannelNotFound, ChannelTaken
from iii_triggers.engine.invocation import Invoker
from iii_triggers.engine.payload import NOTHING, Payload
from iii_triggers.protocol.errors import IiiError, InvocationFailed, InvocationTimeout

from .download import Download
from .grace import grace_s
from .incoming import RequestBody
from .upload import Upload

if TYPE_CHECKING:
    from iii_triggers.engine.connections import WorkerConnection

REQUEST_BODY = "request_body"
RESPONSE = "response"
_BODY_SUFFIX, _RESPONSE_SUFFIX = f".{REQUEST_BODY}", f".{RESPONSE}"
TURNS = 5
"""Turns of the event loop after the grace: a busy process may not have looked at its sockets."""


@dataclass(slots=True, weakref_slot=True, eq=False)
class Streamed:
    """An answer that comes in chunks. ``next`` is for one loop only, the one of the engine.

    It ends as well when whoever got it drops it: a site's middleware that answers something else,
    a door whose client went before the first chunk.
    """

    status: int
    headers: dict[str, str]
    exchange: Exchange

    async def next(self) -> bytes | None:
        """Return the next chunk, None after the last. Raise ChannelBroken if there is no end."""
        return await self.exchange.chunk()

    def close(self) -> None:
        """End it, whether or not all was read: the writer learns that nobody reads any more."""
        self.exchange.close()


class Exchange:
    """A request that a function answers."""

    # Of the class: most requests need none of them, and all pay for what they have.
    _upload: Upload | None = None
    _download: Download | None = None
    _pending: Pending | None = None
    _timer: asyncio.TimerHandle | None = None
    _watch: asyncio.Task[None] | None = None
    _body_taken: asyncio.Event | None = None
    """There while a streamed answer has begun before the function took the body."""
    _is_body_dropped = False
    _is_plain = True
    """Whether nothing but the entry in the table is to be undone."""

    def __init__(
        self,
        *,
        id: str,
        channels: Channels,
        invoker: Invoker,
        body: RequestBody,
        max_body_bytes: int | None,
        timeout_s: float,
    ) -> None:
        self.id = id
        self._loop = loop = asyncio.get_running_loop()
        self._channels = channels
        self._invoker = invoker
        self._body = body
        self._max_body_bytes = max_body_bytes
        self._timeout_s = timeout_s
        self._keys = channels.new_keys()
        self._answer: asyncio.Future[Outcome | Download] = loop.create_future()
        self._began_at = loop.time()

    def refs(self) -> dict[str, dict[str, str]]:
        """Return what the function input gains: ``request_body`` and ``response``."""
        body_key, response_key = self._keys
        # As channel_ref makes them, without the calls.
        return {
            REQUEST_BODY: {
                "channel_id": self.id + _BODY_SUFFIX,
                "access_key": body_key,
                "direction": "read",
            },
            RESPONSE: {
                "channel_id": self.id + _RESPONSE_SUFFIX,
                "access_key": response_key,
                "direction": "write",
            },
        }

    async def run(self, call: Call) -> Payload | Streamed:
        """Run the function and return its result, or what it streams.

        Raise the IiiError it ended with. The channels end with the request; with a streamed
        answer, when that is closed.
        """
        self._channels.add_source(self.id, self)
        is_streamed = False
        try:
            self._pending = self._invoker.start(call, self._ended)
            answer = await self._answer
            if isinstance(answer, IiiError):
                raise answer
            is_streamed = isinstance(answer, Download)
            return self._streamed(answer) if isinstance(answer, Download) else answer
        finally:
            if not is_streamed:
                self.close()

    def access_key(self, name: str) -> str | None:
        """Return the key of one of the two channels."""
        return dict(zip((REQUEST_BODY, RESPONSE), self._keys, strict=True)).get(name)

    def take(self, name: str, direction: Direction) -> Channel:
        """Take the end of the function. Raise ChannelTaken for the other, and the second time.

        Raise ChannelNotFound for a body that was dropped, because nobody took it in time.
        """
        if (name, direction) == (REQUEST_BODY, "read") and self._upload is None:
            return self._take_body().channel
        if (name, direction) == (RESPONSE, "write") and self._download is None:
            self._is_plain = False
            self._download = Download(self._head)
            if self._timer is not None:
                self._wait_for_head()
            return self._download.channel
        raise ChannelTaken()

    def _take_body(self) -> Upload:
        if self._is_body_dropped:
            raise ChannelNotFound()
        limit, self._is_plain = self._max_body_bytes, False
        self._upload = Upload(self._body, max_bytes=limit, on_error=self._decide)
        if self._body_taken is not None:
            self._body_taken.set()
        return self._upload

    async def chunk(self) -> bytes | None:
        """Return the next chunk of a streamed answer."""
        return await self._download.chunk() if self._download is not None else None

    def close(self) -> None:
        """Forget the channels, and have what is open of them closed."""
        self._channels.remove_source(self.id)
        if self._is_plain:
            return
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._upload is not None:
            self._upload.stop()
        if self._download is not None:
            self._download.stop()
            if self._pending is not None:
                self._invoker.set_deadline(self._pending, self._timeout_s)

    def _decide(self, answer: Outcome | Download) -> None:
        if not self._answer.done():
            self._answer.set_result(answer)

    def _ended(self, outcome: Outcome) -> None:
        """Take the outcome of the function."""
        pending, self._pending = self._pending, None
        if self._answer.done() or (self._download is not None and self._download.has_begun):
            return
        if isinstance(outcome, Payload) and not outcome.present:
            self._ended_without_result(pending.executor if pending is not None else None)
        else:
            self._decide(outcome)

    def _ended_without_result(self, executor: WorkerConnection | None) -> None:
        if self._download is not None:
            self._wait_for_head()
            return
        grace = grace_s(executor, elapsed_s=self._loop.time() - self._began_at)
        if not grace:
            self._decide(NOTHING)
            return
        self._is_plain = False
        self._timer = self._loop.call_later(grace, self._nobody_came, TURNS)

    def _nobody_came(self, turns: int) -> None:
        if self._download is not None:
            return
        if turns:
            self._loop.call_soon(self._nobody_came, turns - 1)
        else:
            self._decide(NOTHING)

    def _wait_for_head(self) -> None:
        """The function is done, its response has yet to begin: it has the rest of its time."""
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._began_at + self._timeout_s
        self._timer = self._loop.call_at(deadline, self._decide, InvocationTimeout())
        self._head()

    def _head(self) -> None:
        """The response began, or its writer is gone."""
        download = self._download
        if download is None:
            return
        if download.has_head:
            self._decide(download)
        elif download.is_broken and self._pending is None:
            self._decide(InvocationFailed("The response broke off before it began."))

    def _streamed(self, download: Download) -> Streamed:
        if self._timer is not None:
            self._timer.cancel()
        if self._pending is not None:
            # The deadline is one for the headers; what follows takes as long as it takes.
            self._invoker.set_deadline(self._pending, None)
        self._watch = self._loop.create_task(self._watch_client())
        streamed = Streamed(status=download.status, headers=download.headers, exchange=self)
        finalize(streamed, self._close_soon)
        return streamed

    def _close_soon(self) -> None:
        """End it from whatever thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.close)

    async def _watch_client(self) -> None:
        """End the response when the client goes: nothing else tells, while nothing is sent."""
        if not self._body.is_complete:
            await self._wait_uploaded()
        if not self._body.is_cut_off:
            await self._body.incoming.gone()
        if self._download is not None:
            self._download.channel.abandon()

    async def _wait_uploaded(self) -> None:
        """Leave the body to the function; if it does not take it in time, it is dropped.

        As long as nobody reads the body nobody can see that the client has gone.
        """
        if self._upload is None:
            self._body_taken = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeout_s):
                    await self._body_taken.wait()
        if self._upload is None:
            self._is_body_dropped = True
        elif self._upload.task is not None:
            await asyncio.wait({self._upload.task})
