"""Errors of HTTP triggers, and the answers the engine makes of errors.

Every such answer is ``{"error": {"code": str, "message": str, "error_id": str}}``; ``error_id``
finds the invocation in the history. What an error code means as a status is in one table here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from iii_triggers.protocol.codec import to_json
from iii_triggers.protocol.errors import IiiError, InvocationFailed

from .headers import Header
from .response import HttpResponse, from_raw_json

UNAVAILABLE = "WORKER_UNAVAILABLE"

# Error code -> status and the code shown. Any other code is the function's own: 500, shown as is.
_ANSWERS = {
    "function_not_found": (503, UNAVAILABLE),
    "invocation_stopped": (503, UNAVAILABLE),
    "channel_send_failed": (503, UNAVAILABLE),
    "engine_not_running": (503, UNAVAILABLE),
    "TIMEOUT": (504, "TIMEOUT"),
    "payload_too_large": (413, "PAYLOAD_TOO_LARGE"),
}


class RequestError(IiiError):
    """The request cannot be served."""

    code = "BAD_REQUEST"
    status = 400


class BadBody(RequestError):
    """The request body is not what its content type says."""


class MiddlewareTimeout(RequestError):
    """Middleware timeout"""

    code = "MIDDLEWARE_TIMEOUT"
    status = 504


class BodyTooLarge(RequestError):
    """The request body is too large."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413

    @classmethod
    def of(cls, max_bytes: int) -> BodyTooLarge:
        """Return the error for a body of more than ``max_bytes``."""
        return cls(f"The request body is larger than {max_bytes} bytes")


class UnsupportedBody(RequestError):
    """The content type of the request body is not supported."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


def error_response(
    status: int, code: str, message: str, *, error_id: str, extra_headers: Iterable[Header] = ()
) -> HttpResponse:
    """Return the JSON answer for an error."""
    return _answer(status, _body(code, message, error_id), extra_headers)


def from_error(error: IiiError, *, error_id: str) -> HttpResponse:
    """Return the answer for an invocation that failed or a request that cannot be served."""
    if isinstance(error, RequestError):
        return error_response(error.status, error.code, error.message, error_id=error_id)
    if isinstance(error, InvocationFailed):
        # The function's own error, also when its code is one of ours: a call it made failed.
        return error_response(500, error.code, error.message, error_id=error_id)
    status, code = _ANSWERS.get(error.code, (500, error.code))
    if code == UNAVAILABLE:
        # The original message names functions and namespaces, which are not the public's business.
        return worker_unavailable(error_id=error_id)
    return error_response(status, code, error.message, error_id=error_id)


def not_found(*, error_id: str) -> HttpResponse:
    """Return the 404 for a path without a trigger."""
    return error_response(404, "NOT_FOUND", "Not Found", error_id=error_id)


def method_not_allowed(allowed: Iterable[str], *, error_id: str) -> HttpResponse:
    """Return the 405 for a path whose triggers have other methods (RFC 9110, section 15.5.6)."""
    return error_response(
        405,
        "METHOD_NOT_ALLOWED",
        "Method Not Allowed",
        error_id=error_id,
        extra_headers=[allow_header(allowed)],
    )


def condition_not_met(*, error_id: str) -> HttpResponse:
    """Return the 422 for a request that the condition function turned down."""
    body = _body("CONDITION_NOT_MET", "Request condition not met", error_id)
    return _answer(422, {**body, "skipped": True}, ())


def worker_unavailable(*, error_id: str) -> HttpResponse:
    """Return the 503 for a function that is not there, or whose worker went away."""
    message = "The function or its worker is not available"
    return error_response(503, UNAVAILABLE, message, error_id=error_id)


def timeout(*, error_id: str) -> HttpResponse:
    """Return the 504 for a function that did not answer in time."""
    return error_response(504, "TIMEOUT", "The function did not answer in time", error_id=error_id)


def allow_header(allowed: Iterable[str]) -> Header:
    """Return the ``Allow`` header that lists ``allowed``."""
    return b"allow", ", ".join(allowed).encode()


def _body(code: str, message: str, error_id: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "error_id": error_id}}


def _answer(status: int, body: dict[str, Any], extra_headers: Iterable[Header]) -> HttpResponse:
    response = from_raw_json(to_json(body), status=status)
    response.headers.extend(extra_headers)
    return response
