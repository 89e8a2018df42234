"""The request of one call: headers, signature and body (trigger reference, section 10)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from dataclasses import dataclass

from iii_triggers.protocol.trace_context import valid_traceparent

from .invocations import ApiKey, Bearer, Hmac, HttpInvocation
from .keys import read_key
from .urls import Url

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What goes over the wire."""

    method: str
    url: Url
    headers: Headers
    body: bytes


def request_of(
    invocation: HttpInvocation,
    url: Url,
    *,
    function_id: str,
    body: bytes,
    traceparent: str | None = None,
) -> Request:
    """Return the request of a call.

    Of headers with one name the later counts: those of the engine, of the worker, of the auth.
    Raise SecretNotFound, TokenNotFound or ApiKeyNotFound.
    """
    timestamp = str(int(time.time()))
    named = {
        "Host": url.netloc,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "x-iii-Function-Path": _header_text(function_id),
        "x-iii-Invocation-ID": str(uuid.uuid4()),
        "x-iii-Timestamp": timestamp,
    }
    if trace := valid_traceparent(traceparent):
        named |= {"traceparent": trace, "x-iii-Trace-ID": trace.split("-")[1]}
    headers = _Headers(named)
    for name, value in invocation.headers.items():
        headers.set(name, value.strip())
    _authorize(headers, invocation, timestamp, body)
    headers.set("Content-Length", str(len(body)))
    return Request(method=invocation.method, url=url, headers=headers.encoded(), body=body)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return ``sha256=<hex>`` over ``<timestamp>:<base64 of the body>``."""
    signed = f"{timestamp}:".encode() + base64.b64encode(body)
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class _Headers:
    def __init__(self, named: dict[str, str]) -> None:
        self._named = {name.lower(): (name, value) for name, value in named.items()}

    def set(self, name: str, value: str) -> None:
        self._named[name.lower()] = (name, value)

    def encoded(self) -> Headers:
        return [(name.encode(), value.encode()) for name, value in self._named.values()]


def _authorize(headers: _Headers, invocation: HttpInvocation, timestamp: str, body: bytes) -> None:
    auth = invocation.auth
    if auth is None:
        return
    key = read_key(auth)
    match auth:
        case Hmac():
            headers.set("x-iii-Timestamp", timestamp)
            headers.set("x-iii-Signature", signature(key, timestamp, body))
        case Bearer():
            headers.set("Authorization", f"Bearer {key}")
        case ApiKey():
            headers.set(auth.header, key)


def _header_text(text: str) -> str:
    """Return text that can stand in a header: what cannot is percent-encoded."""
    return "".join(
        c
        if "!" <= c <= "~" or c == " "
        else "".join(f"%{b:02X}" for b in c.encode("utf-8", "replace"))
        for c in text
    ).strip()
