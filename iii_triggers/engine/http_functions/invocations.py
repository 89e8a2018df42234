"""The ``invocation`` of a registration: how a function is called over HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from .errors import InvalidInvocation

MAX_TIMEOUT_MS = 60_000
"""The longest a request may take, whatever the worker asks for."""

MAX_HEADERS = 64
MAX_HEADER_LENGTH = 8192

NOT_SETTABLE = frozenset(
    (
        *("connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate"),
        *("proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding"),
        "upgrade",
    )
)
"""Headers that say where the request goes and where it ends: they are made here only."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~]*")


class Hmac(msgspec.Struct, frozen=True, tag_field="type", tag="hmac"):
    """The body is signed with a key from the environment."""

    secret_key: str


class Bearer(msgspec.Struct, frozen=True, tag_field="type", tag="bearer"):
    """``Authorization: Bearer`` with a token from the environment."""

    token_key: str


class ApiKey(msgspec.Struct, frozen=True, tag_field="type", tag="api_key"):
    """A header with a key from the environment."""

    header: str
    value_key: str


Auth = Hmac | Bearer | ApiKey


class _Fields(msgspec.Struct):
    url: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    timeout_ms: int | None = None
    headers: dict[str, str] | None = None
    auth: Auth | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpInvocation:
    """How to call a function."""

    url: str
    method: str = "POST"
    timeout_ms: int = 30_000
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Auth | None = None

    def described(self) -> dict[str, Any]:
        """Return what may be shown: no query, no header values, names of variables only."""
        shown: dict[str, Any] = {
            "url": self.url.partition("?")[0],
            "method": self.method,
            "timeout_ms": self.timeout_ms,
        }
        if self.headers:
            shown["headers"] = sorted(self.headers)
        if self.auth is not None:
            shown["auth"] = msgspec.to_builtins(self.auth)
        return shown


def invocation_of(value: Any) -> HttpInvocation:
    """Read an ``invocation`` (protocol reference, section 3.6). Raise InvalidInvocation.

    ``value`` is ``{"url": str, "method"?: str, "timeout_ms"?: int, "headers"?: {str: str},
    "auth"?: {"type": "hmac" | "bearer" | "api_key", ...}}``; null stands for a default.
    """
    present = {key: item for key, item in value.items() if item is not None}
    try:
        fields = msgspec.convert(present, _Fields)
    except msgspec.ValidationError as error:
        raise InvalidInvocation(f"The invocation is not valid: {error}") from error
    timeout_ms = 30_000 if fields.timeout_ms is None else fields.timeout_ms
    if timeout_ms < 1:
        raise InvalidInvocation("timeout_ms must be at least 1.")
    headers = fields.headers or {}
    _check_headers(headers)
    if isinstance(fields.auth, ApiKey):
        _check_headers({fields.auth.header: ""})
    return HttpInvocation(
        url=fields.url,
        method=fields.method,
        timeout_ms=min(timeout_ms, MAX_TIMEOUT_MS),
        headers=headers,
        auth=fields.auth,
    )


def _check_headers(headers: Mapping[str, str]) -> None:
    if len(headers) > MAX_HEADERS:
        raise InvalidInvocation(f"There are more than {MAX_HEADERS} headers.")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or name.lower() in NOT_SETTABLE or len(name) > 256:
            raise InvalidInvocation(f"The header {name[:100]!r} cannot be set.")
        if len(value) > MAX_HEADER_LENGTH or not _VALUE.fullmatch(value):
            raise InvalidInvocation(f"The value of the header {name!r} is not valid.")
