"""Who may open a worker socket, and under which rules (design, section 9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings as django_settings

from iii_triggers.conf import settings
from iii_triggers.engine.access.authentication import authenticate
from iii_triggers.engine.access.filters import InvalidRules
from iii_triggers.engine.access.listeners import Listener, listeners
from iii_triggers.engine.access.peers import is_local
from iii_triggers.engine.access.reading import rules_of_token
from iii_triggers.engine.access.rules import Rules
from iii_triggers.engine.access.sessions import Session
from iii_triggers.engine.access.token_watch import HeldToken
from iii_triggers.engine.core import Engine
from iii_triggers.models import WorkerToken
from iii_triggers.models.tokens import PREFIX
from iii_triggers.protocol.errors import AuthenticationFailed

WORKER_PORT = "iii.worker_port"
"""Key of the scope of a connection that came in on a port for workers only."""

LISTENER = "iii.listener"
"""Key of the scope of a connection that came in through one of ``III_WORKER_LISTENERS``."""


class Admission:
    """Lets one connection in, and keeps an eye on its token until ``end``.

    A valid token opens every door from anywhere, and an auth function the door of its listener;
    of who brings both, both decide. Without either the peer must be on this machine, the site
    must allow that, and the connection must not come through a proxy (whose peers are not on this
    machine). A proxy need not say that it is one, so on the port that serves the site, the one a
    proxy stands before, this holds for DEBUG only. Whoever brings no token must not come from a
    foreign web page.
    """

    def __init__(
        self, engine: Engine, scope: Mapping[str, Any], close: Callable[[int], None]
    ) -> None:
        """``close`` ends the connection with a close code, when its token is no longer good."""
        self._engine = engine
        self._scope = scope
        self._close = close
        self._headers = {name.lower(): value for name, value in scope.get("headers", [])}
        self._held: HeldToken | None = None
        self._holder = ""

    async def admit(self) -> Session:
        """Return the session of the connection.

        Raise AuthenticationFailed with the reason, or AuthFunctionAway.
        """
        listener = _listener(self._scope)
        token = await self._token_rules(listener)
        if token is None:
            self._check_tokenless(listener)
        rules = [] if token is None else [token]
        if listener is not None:
            rules.insert(0, await self._listener_rules(listener))
        return Session.of(*rules, holder=self._holder)

    def end(self) -> None:
        """Forget the connection."""
        if self._held is not None:
            self._engine.tokens.release(self._held)

    async def _token_rules(self, listener: Listener | None) -> Rules | None:
        token = _bearer_token(self._headers)
        if token is None:
            return None
        if listener is not None and listener.auth_function and not token.startswith(PREFIX):
            # Not one of ours: it is for the auth function.
            return None
        row = await self._engine.database.run(WorkerToken.objects.check_token, token)
        if row is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        try:
            rules = rules_of_token(row)
        except InvalidRules as error:
            raise AuthenticationFailed("What the token allows cannot be read.") from error
        self._holder = row.name
        self._held = HeldToken(row.pk, rules, self._close)
        self._engine.tokens.hold(self._held)
        return rules

    async def _listener_rules(self, listener: Listener) -> Rules:
        if not listener.auth_function:
            return listener.rules
        return await authenticate(self._engine, listener, self._scope)

    def _check_tokenless(self, listener: Listener | None) -> None:
        if listener is not None and listener.require_token:
            raise AuthenticationFailed("A worker needs a token to connect here.")
        if listener is None or not listener.auth_function:
            self._check_is_local()
        origin = self._headers.get(b"origin", b"").decode("latin-1")
        if origin and origin not in settings.III_ALLOWED_ORIGINS:
            raise AuthenticationFailed(f"Pages of {origin} may not open a worker socket.")

    def _check_is_local(self) -> None:
        is_workers_port = WORKER_PORT in self._scope or django_settings.DEBUG
        if not (settings.III_ALLOW_LOOPBACK_WORKERS and is_workers_port):
            raise AuthenticationFailed("A worker needs a token to connect.")
        names = {name.decode("latin-1") for name in self._headers}
        if not is_local(peer_ip(self._scope), names):
            raise AuthenticationFailed()


def peer_ip(scope: Mapping[str, Any]) -> str:
    """Return the address of the peer, "" if the server does not tell."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _listener(scope: Mapping[str, Any]) -> Listener | None:
    """Return the listener of a connection. Raise AuthenticationFailed for an unknown name."""
    name = scope.get("url_route", {}).get("kwargs", {}).get("listener")
    if name is None:
        listener: Listener | None = scope.get(LISTENER)
        return listener
    found = listeners.at_path(name)
    if found is None:
        raise AuthenticationFailed("There is no such listener.")
    return found


def _bearer_token(headers: Mapping[bytes, bytes]) -> str | None:
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
