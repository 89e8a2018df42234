"""The body of a request: how much of it is read before the function runs, and the rest."""

from __future__ import annotations

from typing import Protocol

from iii_triggers.conf import settings

from .body import kind_of
from .config import HttpConfig
from .errors import BodyTooLarge
from .request import HttpRequest

MAX_LENGTH_DIGITS = 20


class ClientGone(Exception):
    """The client went away before its request was complete."""


class Incoming(Protocol):
    """Where a door gets the body from."""

    async def part(self) -> tuple[bytes, bool]:
        """Return the next bytes and whether more follow. Raise ClientGone if it ends early."""

    async def gone(self) -> None:
        """Return when the client has gone; what it still sends is dropped. No part comes after."""


class RequestBody:
    """A body of which the beginning, often all of it, is in memory."""

    __slots__ = ("content", "incoming", "is_complete", "is_cut_off")

    def __init__(self, incoming: Incoming) -> None:
        self.incoming = incoming
        self.content = b""
        self.is_complete = False
        self.is_cut_off = False
        """Whether the client went away before the end."""

    async def part(self) -> bytes:
        """Return the next bytes, which are not kept. Raise ClientGone if the body ends early."""
        try:
            part, has_more = await self.incoming.part()
        except ClientGone:
            self.is_cut_off = True
            raise
        self.is_complete = not has_more
        return part

    async def gather(self, limit: int) -> None:
        """Read on until there are more than ``limit`` bytes, or all."""
        parts, size = [self.content], len(self.content)
        while not self.is_complete and size <= limit:
            part = await self.part()
            parts.append(part)
            size += len(part)
        self.content = b"".join(parts)


async def read_body(body: RequestBody, request: HttpRequest, config: HttpConfig) -> bool:
    """Read as much of a body as the function needs to start; tell whether it is to be parsed.

    JSON, forms and text are read whole, up to ``max_body_bytes`` or ``III_MAX_BODY_BYTES``. Of
    anything else only the first part is read: the function takes the rest from a channel. So it is
    with a large multipart form, unless the trigger has a limit of its own. Raise BodyTooLarge, and
    ClientGone if the body ends early: half of it must not run anything.
    """
    kind = kind_of(request.header(b"content-type"))
    own_limit = config.max_body_bytes
    limit = own_limit or settings.III_MAX_BODY_BYTES
    is_limited = own_limit is not None or kind == "text"
    is_larger = _declared_length(request) > limit
    if is_larger and is_limited:
        raise BodyTooLarge.of(limit)
    body.content = await body.part()
    if not body.is_complete and not is_larger and kind != "raw":
        await body.gather(limit)
    if is_limited and len(body.content) > limit:
        raise BodyTooLarge.of(limit)
    return kind != "raw" and body.is_complete and len(body.content) <= limit


def _declared_length(request: HttpRequest) -> int:
    length = request.header(b"content-length")
    # Python refuses to read a number of thousands of digits; the first few say enough.
    return int(length[:MAX_LENGTH_DIGITS]) if length.isdigit() else 0
