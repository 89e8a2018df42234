"""What nodes send each other over the channel layer.

Each message is a MessagePack map whose ``type`` says what it is; JSON values travel as their text,
so that nobody on the way reads them. A field that a message does not know is ignored and one that
is missing has its default: nodes of two versions understand each other.
"""

from __future__ import annotations

from msgspec import Struct

from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    IiiError,
    InvocationFailed,
    InvocationStopped,
    InvocationTimeout,
    LimitExceeded,
    PayloadTooLarge,
)

from .calls import Outcome
from .payload import NOTHING, Payload


class BusMessage(Struct, tag_field="type", omit_defaults=True, kw_only=True):
    """The base of all messages; a subclass gives its ``tag``, which begins with ``iii.``."""

    id: str
    """Of the call, or of the message itself. What comes twice is acted on once."""


class CallMessage(BusMessage, tag="iii.call"):
    """Run a function on a worker of yours, and tell ``reply_to`` the outcome."""

    reply_to: str
    function_id: str
    namespace: str = "default"
    data: bytes = b"null"
    metadata: bytes | None = None
    invocation_id: str | None = None
    traceparent: str | None = None
    baggage: str | None = None
    timeout_ms: int = 30_000


class RunningMessage(BusMessage, tag="iii.running"):
    """The call runs: a sign of life."""

    load: int = 0
    """How many calls the workers run that offer the function."""


class RefusedMessage(BusMessage, tag="iii.refused"):
    """No worker here offers the function, or none can be reached; the call did not start."""


class ErrorFields(Struct, omit_defaults=True, kw_only=True):
    """An error: its class where callers tell classes apart, and what it says."""

    kind: str
    code: str
    message: str
    stacktrace: str | None = None


class ResultMessage(BusMessage, tag="iii.result"):
    """The outcome of a call; it is sent again until a ``TakenMessage`` comes to ``reply_to``."""

    reply_to: str
    data: bytes | None = None
    """None is "no result"."""
    error: ErrorFields | None = None
    load: int = 0
    """How many other calls the workers run that offer the function."""


class TakenMessage(BusMessage, tag="iii.taken"):
    """Outcomes arrived."""

    ids: list[str]
    """Of the calls."""


class ForgetMessage(BusMessage, tag="iii.forget"):
    """Nobody waits for the outcome any more."""


class Broadcast(BusMessage, kw_only=True):
    """The base of what a node tells all others; who sends it fills these in."""

    sender: str = ""
    """The id of the node."""
    number: int = 0
    """The first message of a node has number 1, the next one 2."""


class NewestMessage(BusMessage, tag="iii.newest"):
    """The last broadcast of the sender had this number."""

    sender: str
    number: int


class RepeatMessage(BusMessage, tag="iii.repeat"):
    """Send ``reply_to`` your broadcasts from one number to another once more."""

    reply_to: str
    first: int
    last: int


class GoneMessage(BusMessage, tag="iii.gone"):
    """The sender cannot repeat broadcasts before this number."""

    sender: str
    before: int


class HelloMessage(BusMessage, tag="iii.hello"):
    """A node came, or has another channel: tell it from now on what you tell others."""

    node_id: str
    reply_to: str
    number: int = 0
    """Of its last broadcast."""


class WelcomeMessage(BusMessage, tag="iii.welcome"):
    """The node that said hello is known to the one with this channel."""

    channel: str
    node_id: str = ""
    number: int = 0
    """Of the last broadcast of the node that welcomes."""


class ChangedMessage(BusMessage, tag="iii.changed"):
    """There are changes in the database to read, now rather than at the next look."""


class ProbeMessage(BusMessage, tag="iii.probe"):
    """A message of a node to itself: does what is sent to its channel arrive?"""


_KINDS: dict[str, type[IiiError]] = {
    class_.__name__: class_
    for class_ in (
        ChannelSendFailed,
        InvocationStopped,
        InvocationTimeout,
        LimitExceeded,
        PayloadTooLarge,
    )
}


def result_of(call: CallMessage, reply_to: str, outcome: Outcome) -> ResultMessage:
    """Return the message that tells the outcome of a call."""
    if isinstance(outcome, IiiError):
        return ResultMessage(id=call.id, reply_to=reply_to, error=_error_fields(outcome))
    try:
        data = outcome.json() if outcome.present else None
    except IiiError as error:
        return ResultMessage(id=call.id, reply_to=reply_to, error=_error_fields(error))
    return ResultMessage(id=call.id, reply_to=reply_to, data=data)


def outcome_of(message: ResultMessage) -> Outcome:
    """Return the outcome that a message tells."""
    error = message.error
    if error is None:
        return NOTHING if message.data is None else Payload.of_json(message.data)
    if error.kind in _KINDS:
        return _KINDS[error.kind](error.message, code=error.code)
    return InvocationFailed(error.message, code=error.code, stacktrace=error.stacktrace)


def _error_fields(error: IiiError) -> ErrorFields:
    return ErrorFields(
        kind=type(error).__name__,
        code=error.code,
        message=error.message,
        stacktrace=error.stacktrace,
    )
