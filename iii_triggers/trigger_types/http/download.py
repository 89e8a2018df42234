"""The ``response`` channel: what a function streams, as status, headers and chunks.

Text frames are orders and count until the first binary one, which begins the response (trigger
reference, section 2.6): ``{"type": "set_status", "status_code": int}`` and ``{"type":
"set_headers", "headers": {str: str}}``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from iii_triggers.engine.channels import Channel
from iii_triggers.engine.channels.errors import ChannelBroken
from iii_triggers.engine.channels.registry import new_channel
from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import MalformedFrame

logger = logging.getLogger(__name__)


class Download:
    """Reads the channel: the head by itself, the chunks for the one who answers the client."""

    def __init__(self, on_head: Callable[[], None]) -> None:
        self.channel: Channel = new_channel()
        self.status = 200
        self.headers: dict[str, str] = {}
        self.has_head = False
        """Whether the response has begun: with a first chunk, or with its end."""
        self.is_broken = False
        """Whether the writer went away before that."""
        self._first: bytes | None = None
        self._on_head = on_head
        self.task = asyncio.get_running_loop().create_task(self._read_head())

    @property
    def has_begun(self) -> bool:
        """Whether the response has begun, also if nobody has looked at its head yet."""
        return self.has_head or self.channel.holds_binary or self.channel.is_finished

    async def chunk(self) -> bytes | None:
        """Return the next chunk, None after the last. Raise ChannelBroken if there is no end."""
        first, self._first = self._first, None
        if first is not None:
            return first
        while isinstance(message := await self.channel.get(), str):
            pass
        return message

    def stop(self) -> None:
        """Read no more; the writer's socket is closed."""
        self.task.cancel()
        self.channel.abandon()

    async def _read_head(self) -> None:
        try:
            while isinstance(message := await self.channel.get(), str):
                self._obey(message)
        except ChannelBroken:
            self.is_broken = True
        else:
            self._first, self.has_head = message, True
        self._on_head()

    def _obey(self, order: str) -> None:
        try:
            value = from_json(order)
        except MalformedFrame:
            value = None
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "set_status" and _is_final(status := value.get("status_code")):
            self.status = status
        elif kind == "set_headers" and isinstance(headers := value.get("headers"), dict):
            self.headers |= {k: v for k, v in headers.items() if isinstance(v, str)}
        else:
            logger.warning("A streamed response began with an order that means nothing.")


def _is_final(status: Any) -> bool:
    """Tell whether a status can end an exchange."""
    return isinstance(status, int) and not isinstance(status, bool) and 200 <= status <= 599
