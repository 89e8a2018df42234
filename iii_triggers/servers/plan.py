"""What ``runengine`` opens."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from iii_triggers.asgi import TriggerDispatcher
from iii_triggers.consumption.embedded import EmbeddedCelery

Door = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One port and what it is for."""

    label: str
    """What people read: ``site``, ``HTTP triggers``, ``worker sockets``."""
    scheme: str
    port: int
    host: str | None = None
    """Address to listen on; None is the one of the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlan:
    """Everything a server needs to run."""

    application: TriggerDispatcher
    host: str
    listeners: list[Listener]
    announce: Callable[[str], None]
    """Told one line for each door and ``ready``."""
    celery: EmbeddedCelery
    """Started when the engine is ready, stopped before it."""

    def host_of(self, listener: Listener) -> str:
        """Return the address that a listener listens on."""
        return listener.host or self.host

    def begin(self) -> None:
        """Start Celery, now that the engine runs and the doors are open, and say so."""
        self.celery.start()
        for listener in self.listeners:
            host = self.host_of(listener)
            host = f"[{host}]" if ":" in host else host
            self.announce(f"{listener.label}: {listener.scheme}://{host}:{listener.port}")
        self.announce("ready")

    def bind(self) -> list[socket.socket]:
        """Bind every port; raise OSError naming the first that is taken, with none left bound."""
        with ExitStack() as stack:
            sockets = [
                stack.enter_context(bind(self.host_of(item), item.port, label=item.label))
                for item in self.listeners
            ]
            stack.pop_all()
        return sockets


def bind(host: str, port: int, *, label: str) -> socket.socket:
    """Return a socket bound to ``host:port``; raise OSError that says what it was for."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"{label}: {host}:{port}: {error.strerror}") from error
    bound.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return bound
