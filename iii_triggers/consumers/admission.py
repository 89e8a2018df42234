"""Who may open a worker socket (design, section 9)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings as django_settings

from iii_triggers.conf import settings
from iii_triggers.engine.process import get_engine
from iii_triggers.models import WorkerToken
from iii_triggers.protocol.errors import AuthenticationFailed

WORKER_PORT = "iii.worker_port"
"""Key of the scope of a connection that came in on a port for workers only."""

FORWARDING_HEADERS = (b"forwarded", b"x-forwarded-for", b"x-real-ip")


async def admit(scope: Mapping[str, Any]) -> None:
    """Return if the peer may connect; raise AuthenticationFailed with the reason if not.

    A valid token opens the door from anywhere. Without one the peer must be on this machine, the
    site must allow that, and the connection must not come from a foreign web page or through a
    proxy (whose peers are not on this machine). A proxy need not say that it is one, so on the
    port that serves the site, the one a proxy stands before, this holds for DEBUG only.
    """
    headers = {name.lower(): value for name, value in scope.get("headers", [])}
    token = _bearer_token(headers)
    if token is not None:
        row = await get_engine().database.run(WorkerToken.objects.check_token, token)
        if row is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return
    if not (
        settings.III_ALLOW_LOOPBACK_WORKERS and (WORKER_PORT in scope or django_settings.DEBUG)
    ):
        raise AuthenticationFailed("A worker needs a token to connect.")
    if not _is_loopback(peer_ip(scope)) or any(name in headers for name in FORWARDING_HEADERS):
        raise AuthenticationFailed()
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and origin not in settings.III_ALLOWED_ORIGINS:
        raise AuthenticationFailed(f"Pages of {origin} may not open a worker socket.")


def peer_ip(scope: Mapping[str, Any]) -> str:
    """Return the address of the peer, "" if the server does not tell."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _bearer_token(headers: Mapping[bytes, bytes]) -> str | None:
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _is_loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback
