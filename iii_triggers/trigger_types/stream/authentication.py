"""Who a client is: the auth function of the site is asked (trigger reference, section 6.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from iii_triggers.conf import settings
from iii_triggers.engine.calls import Call
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.errors import AuthenticationFailed, IiiError

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

logger = logging.getLogger(__name__)

AUTH_TIMEOUT_S = 10.0

RawHeaders = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """The request with which a client connected."""

    headers: Mapping[str, str]
    query_string: str
    address: str
    """``1.2.3.4:5555``."""

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Handshake:
        """Read the ASGI scope of a connection."""
        return cls(
            headers=_headers(scope.get("headers", ())),
            query_string=scope.get("query_string", b"").decode("latin-1"),
            address=_address(scope.get("client")),
        )

    def payload(self) -> dict[str, Any]:
        """Return what the auth function gets.

        ``{"headers": {name: str}, "path": "/", "query_params": {name: [str, not decoded]},
        "addr": str}``. A page of a foreign origin is asked about without the cookies of ours: its
        browser sends them though our user did not ask to.
        """
        headers = dict(self.headers)
        if self.is_foreign:
            headers.pop("cookie", None)
        return {
            "headers": headers,
            "path": "/",
            "query_params": _query_params(self.query_string),
            "addr": self.address,
        }

    @property
    def origin(self) -> str:
        """The origin of the page that connected, "" if it was no page."""
        return self.headers.get("origin", "")

    @property
    def is_foreign(self) -> bool:
        """Whether a page connected that is neither of this host nor of an allowed origin."""
        if not self.origin or self.origin in settings.III_ALLOWED_ORIGINS:
            return False
        return _host(self.origin) != _host("//" + self.headers.get("host", ""))


async def identify(engine: Engine, handshake: Handshake, *, is_strict: bool) -> Any:
    """Return the context of a client, any JSON value; None if nobody knows it.

    Raise AuthenticationFailed for a page of an origin that is not among those the site lists, and
    with ``is_strict`` for a client the auth function has no context for.
    """
    if settings.III_ALLOWED_ORIGINS and handshake.is_foreign:
        raise AuthenticationFailed(f"Pages of {handshake.origin} may not join streams.")
    found = await _ask(engine, handshake) if settings.III_STREAM_AUTH_FUNCTION else {}
    if is_strict and "context" not in found:
        raise AuthenticationFailed("A stream client must be known to III_STREAM_AUTH_FUNCTION.")
    return found.get("context")


async def _ask(engine: Engine, handshake: Handshake) -> dict[str, Any]:
    """Call the auth function; an answer that is none, or is no object, knows nobody."""
    call = Call(
        function_id=settings.III_STREAM_AUTH_FUNCTION,
        data=Payload.of(handshake.payload()),
        timeout_s=AUTH_TIMEOUT_S,
    )
    try:
        answer = (await engine.invoker.invoke(call)).value()
    except IiiError as error:
        logger.warning("The auth function for streams failed: %s", error.message)
        return {}
    return answer if isinstance(answer, dict) else {}


def _headers(raw: RawHeaders) -> dict[str, str]:
    """Return headers as texts; what is not UTF-8 is left out, and what is repeated joined."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        try:
            name, value = raw_name.decode().lower(), raw_value.decode()
        except UnicodeDecodeError:
            continue
        joint = "; " if name == "cookie" else ", "
        headers[name] = headers[name] + joint + value if name in headers else value
    return headers


def _query_params(query: str) -> dict[str, list[str]]:
    params: dict[str, list[str]] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        params.setdefault(name, []).append(value)
    return params


def _address(client: Any) -> str:
    if not client:
        return ""
    host = f"[{client[0]}]" if ":" in str(client[0]) else client[0]
    return f"{host}:{client[1]}"


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
