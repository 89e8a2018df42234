"""Which headers of a function's answer may leave the site.

Dropped are headers that are no legal HTTP (RFC 9110, section 5: header injection), those that
belong to the server or the connection, those by which a reverse proxy would serve files of its
own, and Set-Cookie unless the trigger allows it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

Header = tuple[bytes, bytes]

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_REFUSED = frozenset(
    {
        # Of the connection (RFC 9110, section 7.6.1) or computed by us.
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-content-type-options",
        # Orders to nginx, Apache and lighttpd to answer with a file of the server.
        "x-accel-redirect",
        "x-lighttpd-send-file",
        "x-sendfile",
    }
)


def safe_headers(headers: Any, *, allow_set_cookie: bool) -> list[Header]:
    """Return the headers of a result that may be sent, names in lower case.

    ``headers`` is an object of strings or numbers, or a list of ``"Name: value"`` strings; other
    types count as none. What is dropped is logged without its value.
    """
    safe: list[Header] = []
    for name, value in _pairs(headers):
        header = _encoded(name, value)
        if header is not None and (allow_set_cookie or name != "set-cookie"):
            safe.append(header)
        else:
            logger.warning("Dropped the header %r of a function's answer", name[:80])
    return safe


def _pairs(headers: Any) -> Iterator[tuple[str, str]]:
    if isinstance(headers, dict):
        yield from ((_name(name), _value(value)) for name, value in headers.items())
    elif isinstance(headers, list):
        for line in headers:
            name, _, value = line.partition(":") if isinstance(line, str) else ("", "", "")
            yield _name(name), _value(value)


def _name(name: Any) -> str:
    return str(name).strip(" \t").lower()


def _value(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return "\0"
    # Not strip(): the CR LF of an injection must stay visible to the check.
    return str(value).strip(" \t")


def _encoded(name: str, value: str) -> Header | None:
    if name in _REFUSED or not _NAME.fullmatch(name) or _CONTROL.search(value):
        return None
    try:
        return name.encode(), value.encode()
    except UnicodeEncodeError:
        return None
