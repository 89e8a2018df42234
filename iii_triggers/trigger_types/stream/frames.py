"""What clients send (trigger reference, section 6.2); ``since``, ``publish`` and ``ping`` are
our own.

``{"type": "join" | "leave", "data": {"subscriptionId": str, "streamName": str, "groupId": str,
"id": str or null}}``, a join also with ``"since": int or null``, ``{"type": "publish", "data":
{"subscriptionId": str, "type": str, "data": any}}`` and ``{"type": "ping"}``.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder, Encoder

from iii_triggers.protocol.errors import IiiError, InvalidArguments, MalformedFrame

from .places import Place

PONG = '{"type":"pong"}'
MAX_ID_BYTES = 512


class Target(Struct, rename="camel"):
    """What a client subscribes to."""

    subscription_id: str
    stream_name: str
    group_id: str
    id: str | None = None

    @property
    def place(self) -> Place:
        """The group or the item."""
        return Place(stream_name=self.stream_name, group_id=self.group_id, item_id=self.id)

    def check(self) -> None:
        """Raise InvalidArguments for ids that are too long to be anything."""
        for text in (self.subscription_id, self.stream_name, self.group_id, self.id or ""):
            if len(text.encode()) > MAX_ID_BYTES:
                raise InvalidArguments(f"An id must not be longer than {MAX_ID_BYTES} bytes.")


class Message(Struct, rename="camel"):
    """What a client publishes."""

    subscription_id: str
    type: str
    data: Raw = Raw(b"null")


class JoinTarget(Target):
    """What a client subscribes to, and the number of the last event it knows if it was there."""

    since: int | None = None


class Join(Struct, tag_field="type", tag="join"):
    """Subscribe."""

    data: JoinTarget


class Leave(Struct, tag_field="type", tag="leave"):
    """End a subscription."""

    data: Target


class Publish(Struct, tag_field="type", tag="publish"):
    """Send an event to all who subscribed to the same."""

    data: Message


class Ping(Struct, tag_field="type", tag="ping"):
    """Pages of browsers cannot send pings of the WebSocket protocol."""


ClientFrame = Join | Leave | Publish | Ping

_decoder = Decoder(ClientFrame)
_encoder = Encoder()


def decode(frame: str | bytes) -> ClientFrame:
    """Return what a client said. Raise MalformedFrame."""
    try:
        # The decoder leaves texts inside Raw alone; whether they are UTF-8 is seen here.
        text = frame.decode() if isinstance(frame, bytes) else frame
        message: ClientFrame = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedFrame(str(error)) from error
    return message


def refusal(subscription_id: str, error: IiiError) -> str:
    """Return the frame that tells why something was not done, for what is not in the reference.

    ``{"type": "error", "data": {"subscriptionId": str, "code": str, "message": str}}``
    """
    data = {"subscriptionId": subscription_id, "code": error.code, "message": error.message}
    return _encoder.encode({"type": "error", "data": data}).decode()
