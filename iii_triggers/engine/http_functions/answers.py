"""What a response means for the caller (trigger reference, section 10)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from iii_triggers.engine.payload import NOTHING, Payload
from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import IiiError, MalformedFrame

from .errors import HttpError, InvalidResponse


def outcome_of(status: int, body: bytes) -> Payload:
    """Return the result that a response stands for; an empty body is no result.

    Raise InvalidResponse, or HttpError with the code and message that the response gives.
    """
    if status >= 400:
        raise _error_of(status, body)
    if not body.strip():
        return NOTHING
    try:
        value = from_json(body)
    except MalformedFrame as error:
        if 200 <= status < 300:
            raise InvalidResponse(f"The response is not JSON: {error.message}") from error
        return NOTHING
    return Payload(body, value, has_value=True, present=True)


def _error_of(status: int, body: bytes) -> IiiError:
    try:
        told = from_json(body)
    except MalformedFrame:
        told = None
    if isinstance(told, dict) and "error" in told:
        return _told(told["error"])
    return HttpError(f"HTTP {status} {_phrase(status)}")


def _told(error: Any) -> IiiError:
    fields = error if isinstance(error, dict) else {}
    code, message = fields.get("code"), fields.get("message")
    return HttpError(
        message if isinstance(message, str) else None,
        code=code if isinstance(code, str) and code else None,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "<unknown status code>"
