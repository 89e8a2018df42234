"""An HTTP response, free of any server's objects, and how a function's result becomes one."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from iii_triggers.protocol.codec import to_json
from iii_triggers.protocol.errors import InvocationFailed, SerializationFailed

from .headers import Header, safe_headers

NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
JSON_TYPE: Header = (b"content-type", b"application/json")
SANDBOX: Header = (b"content-security-policy", b"sandbox")

# Statuses whose response has no content, so no content-length either (RFC 9110, section 8.6).
_WITHOUT_CONTENT = frozenset({204, 304})
_RESET_CONTENT = 205

# A browser may run scripts in these. "multipart/" can carry HTML parts; looking for the words
# anywhere also finds them in lists and parameters, where browsers look too.
_ACTIVE = (b"html", b"xml", b"svg", b"xsl", b"multipart/")


class ByteStream(Protocol):
    """A body that comes in chunks. The methods belong on the engine's event loop."""

    async def next(self) -> bytes | None:
        """Return the next chunk, None after the last. Raise ChannelBroken if there is no end."""

    def close(self) -> None:
        """End it, whether or not all was read."""


class HttpResponse(Struct):
    """One answer: headers are (lower-case name, value) pairs and include content-length.

    With a ``stream`` there is no content-length and no ``body``; who sends it closes it.
    """

    status: int
    headers: list[Header]
    body: bytes = b""
    stream: ByteStream | None = None

    def without_body(self) -> None:
        """Drop the body, but not the headers that tell of it: the answer to HEAD."""
        self.body = b""
        if self.stream is not None:
            self.stream.close()
            self.stream = None


def from_result(
    result: Any, *, allow_set_cookie: bool = False, allow_html: bool = False
) -> HttpResponse:
    """Return the answer for the result of a function (design, section 5).

    An object with an integer ``status_code`` or ``statusCode`` from 100 to 999 is the response
    itself (``headers``, ``body``); None is 204; anything else is the 200 JSON body. Raise
    SerializationFailed for a result that is not JSON, and InvocationFailed (``INVALID_RESPONSE``)
    for a status that cannot end an exchange: less than 200 or more than 599.
    """
    if result is None:
        return no_content()
    status = _status(result)
    if status is None:
        return from_raw_json(_json(result))
    if not 200 <= status <= 599:
        message = f"The function answered with the status {status}"
        raise InvocationFailed(message, code="INVALID_RESPONSE")
    headers = safe_headers(result.get("headers"), allow_set_cookie=allow_set_cookie)
    content_type = _last(headers, b"content-type")
    body = _body(result, content_type=content_type)
    headers = _secured(headers, content_type=content_type, allow_html=allow_html)
    return _sized(status, headers, body)


def from_stream(
    status: int,
    headers: dict[str, str],
    stream: ByteStream,
    *,
    allow_set_cookie: bool = False,
    allow_html: bool = False,
) -> HttpResponse:
    """Return the answer that a function streams; its own headers pass the same rules.

    No content type is added, and no length: the function's word for it would not be checked.
    """
    safe = safe_headers(headers, allow_set_cookie=allow_set_cookie)
    content_type = _last(safe, b"content-type")
    if content_type is None:
        safe.append(NOSNIFF)
    else:
        safe = _secured(safe, content_type=content_type, allow_html=allow_html)
    response = HttpResponse(status, safe, stream=stream)
    if status in _WITHOUT_CONTENT or status == _RESET_CONTENT:
        response.without_body()
    return response


def from_raw_json(raw: bytes, *, status: int = 200) -> HttpResponse:
    """Return ``raw``, which must be JSON, as the body as it is."""
    return HttpResponse(status, [JSON_TYPE, NOSNIFF, (b"content-length", b"%d" % len(raw))], raw)


def no_content() -> HttpResponse:
    """Return the 204 of a function without a result."""
    return HttpResponse(204, [NOSNIFF])


def may_be_full_response(raw: bytes) -> bool:
    r"""Tell cheaply whether the JSON in ``raw`` could be an object with a status code.

    False means that ``from_raw_json`` gives the same answer as decoding and ``from_result``. The
    second test is for keys written with escapes (``"\u0073tatus_code"``).
    """
    return b'"status' in raw or b"\\u00" in raw


def _status(result: Any) -> int | None:
    if not isinstance(result, dict):
        return None
    for key in ("status_code", "statusCode"):
        status = result.get(key)
        if isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 999:
            return status
    return None


def _body(result: dict[str, Any], *, content_type: bytes | None) -> bytes:
    body = result.get("body")
    if content_type is None:
        return _json(result.get("body", {}))
    if body is None:
        return b""
    return _text(body) if isinstance(body, str) else _json(body)


def _secured(
    headers: list[Header], *, content_type: bytes | None, allow_html: bool
) -> list[Header]:
    """Keep one content type, and lock up what a browser would run on the site's own origin."""
    sandboxed = content_type is not None and not allow_html and _is_active(content_type)
    dropped = {b"content-type", b"content-security-policy"} if sandboxed else {b"content-type"}
    kept = [header for header in headers if header[0] not in dropped]
    kept.append(JSON_TYPE if content_type is None else (b"content-type", content_type))
    return [*kept, SANDBOX, NOSNIFF] if sandboxed else [*kept, NOSNIFF]


def _sized(status: int, headers: list[Header], body: bytes) -> HttpResponse:
    if status in _WITHOUT_CONTENT:
        return HttpResponse(status, [h for h in headers if h[0] != b"content-type"])
    if status == _RESET_CONTENT:
        body = b""
    headers.append((b"content-length", b"%d" % len(body)))
    return HttpResponse(status, headers, body)


def _is_active(content_type: bytes) -> bool:
    lowered = content_type.lower()
    return any(word in lowered for word in _ACTIVE)


def _last(headers: list[Header], name: bytes) -> bytes | None:
    return next((value for key, value in reversed(headers) if key == name), None)


def _json(value: Any) -> bytes:
    try:
        return to_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise SerializationFailed(str(error)) from error


def _text(body: str) -> bytes:
    try:
        return body.encode()
    except UnicodeEncodeError as error:
        raise SerializationFailed(str(error)) from error
