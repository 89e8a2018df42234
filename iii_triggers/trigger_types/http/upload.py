"""The ``request_body`` channel: the raw bytes of a request, for whoever takes the reading end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from iii_triggers.engine.channels import Channel
from iii_triggers.engine.channels.errors import ChannelClosed
from iii_triggers.engine.channels.registry import new_channel
from iii_triggers.protocol.errors import IiiError

from .errors import BodyTooLarge
from .incoming import ClientGone, RequestBody

PIECE_BYTES = 64 * 1024


class Upload:
    """Fills a channel with a body: at once if it is in memory, else as the reader takes it."""

    def __init__(
        self, body: RequestBody, *, max_bytes: int | None, on_error: Callable[[IiiError], None]
    ) -> None:
        self.channel: Channel = new_channel()
        self.task: asyncio.Task[None] | None = None
        self._body = body
        self._max_bytes = max_bytes
        self._on_error = on_error
        self.task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Read no more from the client. A body that was in memory can still be read."""
        if not self._body.is_complete:
            self.channel.break_off()
            if self.task is not None:
                self.task.cancel()

    async def _run(self) -> None:
        try:
            await self._copy()
        except ChannelClosed:
            await self._skip()
        except ClientGone:
            self.channel.break_off()
        except BodyTooLarge as error:
            self.channel.break_off()
            self._on_error(error)
        else:
            self.channel.finish()

    async def _copy(self) -> None:
        size = len(self._body.content)
        await self._put(self._body.content)
        while not self._body.is_complete:
            part = await self._body.part()
            size += len(part)
            if self._max_bytes is not None and size > self._max_bytes:
                raise BodyTooLarge.of(self._max_bytes)
            await self._put(part)

    async def _skip(self) -> None:
        """Read on for nobody: the client may be one that reads no answer before it has sent all."""
        try:
            while not self._body.is_complete:
                await self._body.part()
        except ClientGone:
            return

    async def _put(self, content: bytes) -> None:
        for start in range(0, len(content), PIECE_BYTES):
            await self.channel.put(content[start : start + PIECE_BYTES])
