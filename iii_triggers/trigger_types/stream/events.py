"""What happens in a stream, as clients and triggers hear of it (trigger reference, section 6.2).

``{"type": "stream", "timestamp": ms, "seq": int, "streamName": str, "groupId": str, "id": str or
null, "event": {"type": "create" | "update" | "delete" | "sync", "data": any}}``. ``seq`` counts
what happens in the group, on all nodes together; a sync has that of the newest event that is in it.
An event that somebody sent is ``{"type": "event", "event": {"type": str, "data": any}}``, and
``{"type": "unauthorized"}`` answers a join that was refused.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.json import Encoder

from iii_triggers.engine.bus_messages import Broadcast

from .places import Place

_encoder = Encoder()


class Happening(Struct, tag_field="type"):
    """The base of what stands in ``event``."""


class Sync(Happening, tag="sync"):
    """All that is there: the items of the group, or the one item."""

    data: Raw


class Create(Happening, tag="create"):
    """An item that was not there before."""

    data: Raw


class Update(Happening, tag="update"):
    """An item that has another value."""

    data: Raw


class Delete(Happening, tag="delete"):
    """An item that is gone, with its last value."""

    data: Raw


class Sent(Struct):
    """What somebody sent."""

    type: str
    data: Raw


class Custom(Happening, tag="event"):
    """An event that changes nothing."""

    event: Sent


class Unauthorized(Happening, tag="unauthorized"):
    """The client may not join."""


class StreamFrame(Struct, tag_field="type", tag="stream", rename="camel", kw_only=True):
    """A message to clients; triggers get the same as their input."""

    timestamp: int
    seq: int | UnsetType = UNSET
    stream_name: str
    group_id: str
    id: str | None
    event: Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """Something that happened, ready to be told."""

    place: Place
    text: bytes
    """The frame, as JSON."""
    seq: int | None
    """Its number in the group; None if it could not be numbered."""


class StreamMessage(Broadcast, tag="iii.stream", kw_only=True):
    """An event for the clients and for the triggers of the workers of another node."""

    stream_name: str
    group_id: str
    item_id: str | None = None
    data: bytes
    """The frame, as JSON."""
    seq: int | None = None


def event_of(place: Place, happening: Happening, *, seq: int | None) -> StreamEvent:
    """Return what happened at ``place``, now, ready to be told."""
    return StreamEvent(place=place, text=frame(place, happening, seq=seq), seq=seq)


def frame(place: Place, happening: Happening, *, seq: int | None = None) -> bytes:
    """Return the message that tells what happened at ``place``, now."""
    return _encoder.encode(
        StreamFrame(
            timestamp=time.time_ns() // 1_000_000,
            seq=UNSET if seq is None else seq,
            stream_name=place.stream_name,
            group_id=place.group_id,
            id=place.item_id,
            event=happening,
        )
    )
