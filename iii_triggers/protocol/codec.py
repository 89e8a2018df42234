"""Frames to messages and back, tolerant of what published SDKs really send (section 2.1).

The repairs (a missing ``data`` is null, an error without a message, and so on) are defaults of
the message types; a key that no message knows is ignored.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from .errors import IiiError, MalformedFrame
from .messages import NULL, AnyMessage, ErrorBody, Message

TELEMETRY_PREFIXES = (b"OTLP", b"MTRC", b"LOGS")

_decoder = msgspec.json.Decoder(AnyMessage)
_encoder = msgspec.json.Encoder()


def decode(frame: str | bytes) -> AnyMessage:
    """Return the message in ``frame``; raise MalformedFrame if there is none."""
    try:
        message: AnyMessage = _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedFrame(str(error)) from error
    return message


def encode(message: Message) -> str:
    """Return ``message`` as the text of a frame."""
    return _encoder.encode(message).decode()


def to_json(value: Any) -> bytes:
    """Return ``value`` as JSON; raise TypeError or ValueError if it is not JSON-serialisable."""
    return _encoder.encode(value)


def from_json(raw: Raw | bytes | str | None) -> Any:
    """Return the value in ``raw``; nothing means None. Raise MalformedFrame on broken JSON."""
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedFrame(str(error)) from error


def is_null(raw: Raw | bytes | None) -> bool:
    """Tell whether ``raw`` stands for "nothing": absent or JSON null."""
    return raw is None or bytes(raw) in (NULL, b"")


def with_key(raw: bytes, key: str, value: str) -> bytes:
    """Return the JSON object ``raw`` with ``key`` set to ``value``; anything else unchanged.

    The pair goes last without parsing the object: of a repeated key every JSON reader that
    published SDKs use keeps the last one.
    """
    raw = raw.strip()
    if not raw.startswith(b"{"):
        return raw
    pair = to_json(key) + b":" + to_json(value) + b"}"
    return raw[:-1].rstrip() + (b"" if raw[1:-1].strip() == b"" else b",") + pair


def error_body(error: IiiError) -> ErrorBody:
    """Return ``error`` as it travels on the wire."""
    return ErrorBody(code=error.code, message=error.message, stacktrace=error.stacktrace)


def tidy_error(error: ErrorBody | str) -> ErrorBody:
    """Return a peer's error with every field of the type the protocol promises."""
    if isinstance(error, str):
        return ErrorBody(message=error)
    stacktrace = error.stacktrace
    return ErrorBody(
        code=error.code if isinstance(error.code, str) else "invocation_failed",
        message=_text(error.message),
        stacktrace=stacktrace if isinstance(stacktrace, str) else None,
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "Unknown error" if value is None else to_json(value).decode()
