"""Cross-origin answers (the Fetch standard's CORS protocol), off unless origins are allowed.

``allowed_origins`` is a list of exact origins, or contains "*" for any; empty means off.
Credentials are never allowed: functions do not see cookies.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from .errors import allow_header
from .headers import Header
from .request import HttpRequest
from .response import NOSNIFF, HttpResponse

MAX_AGE_S = 600

_VARY: Header = (b"vary", b"origin")
_HEADER_LIST = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z, ]{1,4096}")


def preflight(
    request: HttpRequest, allowed: Iterable[str], *, allowed_origins: Collection[str]
) -> HttpResponse:
    """Return the 204 for an OPTIONS request to a known path whose triggers have ``allowed``.

    It always has ``Allow``; the CORS headers only for a preflight from an allowed origin.
    """
    name, methods = allow_header(allowed)
    headers = [(name, methods), NOSNIFF, *cors_headers(request, allowed_origins=allowed_origins)]
    if _has_origin(headers) and request.header(b"access-control-request-method"):
        headers += _preflight_headers(request, methods)
    return HttpResponse(204, headers)


def cors_headers(request: HttpRequest, *, allowed_origins: Collection[str]) -> list[Header]:
    """Return the headers that let the page which sent ``request`` read the answer."""
    if not allowed_origins:
        return []
    if "*" in allowed_origins:
        return [(b"access-control-allow-origin", b"*")]
    origin = request.header(b"origin")
    if origin.decode("latin-1") not in allowed_origins:
        return [_VARY]
    return [(b"access-control-allow-origin", origin), _VARY]


def add_cors_headers(
    response: HttpResponse, request: HttpRequest, *, allowed_origins: Collection[str]
) -> None:
    """Add the CORS headers to ``response``, in place of any that the function set.

    With CORS off the function's own stay: then it alone decides about its resource.
    """
    ours = cors_headers(request, allowed_origins=allowed_origins)
    if ours:
        theirs = [h for h in response.headers if not h[0].startswith(b"access-control-allow-")]
        response.headers = theirs + ours


def _has_origin(headers: list[Header]) -> bool:
    return any(name == b"access-control-allow-origin" for name, _ in headers)


def _preflight_headers(request: HttpRequest, methods: bytes) -> list[Header]:
    headers = [
        (b"access-control-allow-methods", methods),
        (b"access-control-max-age", b"%d" % MAX_AGE_S),
        (b"vary", b"access-control-request-headers"),
    ]
    wanted = request.header(b"access-control-request-headers")
    # Echoed, because "*" would leave out Authorization.
    if _HEADER_LIST.fullmatch(wanted):
        headers.append((b"access-control-allow-headers", wanted))
    return headers
