"""An HTTP request, free of any server's objects, and the function input made of it."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from msgspec import Struct

from .forms import parse_pairs
from .percent import percent_decode

# Of these a function learns only when its trigger asks (config ``pass_headers``): they speak for
# the caller towards the site, or tell what lies between the caller and the site.
WITHHELD_HEADERS = frozenset({b"authorization", b"cookie", b"forwarded", b"x-real-ip"})
WITHHELD_PREFIXES = (b"proxy-", b"x-forwarded-")

# Envelope keys that a later stage adds: no body, query or path parameter may stand in for them.
_RESERVED = ("request_body", "response")


class HttpRequest(Struct, kw_only=True):
    """One request as a door received it.

    ``method`` is upper-case; ``raw_path`` is the percent-encoded path without the query string;
    ``headers`` are (lower-case name, value) pairs in their order; ``client`` is the peer's host.
    """

    method: str
    raw_path: bytes
    query_string: bytes = b""
    headers: list[tuple[bytes, bytes]]
    client: str = ""
    _by_name: dict[bytes, bytes] | None = None

    def header(self, name: bytes) -> bytes:
        """Return the last value of the header ``name`` (lower-case), b"" without one."""
        if self._by_name is None:
            self._by_name = dict(self.headers)
        return self._by_name.get(name, b"")


def build_input(
    request: HttpRequest,
    *,
    pattern: str,
    route_method: str,
    path_params: dict[str, str],
    body: Any,
    pass_headers: Collection[bytes] = (),
) -> dict[str, Any]:
    """Return the function input (design, section 5).

    ``{"path", "method", "path_params", "query_params", "headers", "body", "trigger": {"type",
    "path", "method"}}``, where ``path`` is the decoded request path and ``trigger`` describes the
    route as registered (``pattern``, ``route_method``); and, at the top level as well, the keys of
    the path parameters, of a ``body`` that is an object and of the query, in this order of
    preference. They never replace a key of the envelope.
    """
    query = parse_pairs(request.query_string) if request.query_string else {}
    value = _flattened(query, body, path_params)
    value["path"] = percent_decode(request.raw_path).decode(errors="replace")
    value["method"] = request.method
    value["path_params"] = path_params
    value["query_params"] = query
    value["headers"] = visible_headers(request.headers, pass_headers=pass_headers)
    value["body"] = body
    value["trigger"] = {"type": "http", "path": pattern, "method": route_method}
    return value


def request_facts(
    request: HttpRequest, *, path_params: dict[str, str], pass_headers: Collection[bytes]
) -> dict[str, Any]:
    """Return what middleware learns of a request: no body and no path (section 2.8)."""
    return {
        "path_params": path_params,
        "query_params": parse_pairs(request.query_string) if request.query_string else {},
        "headers": visible_headers(request.headers, pass_headers=pass_headers),
        "method": request.method,
    }


def visible_headers(
    headers: list[tuple[bytes, bytes]], *, pass_headers: Collection[bytes] = ()
) -> dict[str, str]:
    """Return the headers a function may see, of a repeated one the last.

    Withheld are ``WITHHELD_HEADERS`` and ``WITHHELD_PREFIXES``, save for those in ``pass_headers``.
    """
    visible = {}
    for name, value in headers:
        text = _visible_name(name)
        if text is None and name in pass_headers:
            text = name.decode("latin-1")
        if text is not None:
            visible[text] = value.decode("latin-1")
    return visible


@lru_cache(maxsize=1024)
def _visible_name(name: bytes) -> str | None:
    """Return the name as functions see it, None if they do not."""
    if name in WITHHELD_HEADERS or name.startswith(WITHHELD_PREFIXES):
        return None
    return name.decode("latin-1")


def _flattened(query: dict[str, str], body: Any, path_params: dict[str, str]) -> dict[str, Any]:
    value: dict[str, Any] = {**query}
    if isinstance(body, dict):
        value.update(body)
    value.update(path_params)
    for key in _RESERVED:
        value.pop(key, None)
    return value
