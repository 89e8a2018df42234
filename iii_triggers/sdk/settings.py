"""The options of a client and their defaults."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import TypedDict
from urllib.parse import urlsplit

from iii_triggers.protocol.errors import InvalidArguments

DEFAULT_URL = "ws://127.0.0.1:49134"


class Options(TypedDict, total=False):
    """What ``init`` and ``AsyncClient`` take by keyword; ``Settings`` holds the defaults."""

    name: str | None
    description: str | None
    token: str | None
    headers: Mapping[str, str] | None
    namespace: str | None
    concurrency: int | None
    reconnect_initial_s: float
    reconnect_max_s: float
    call_timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of one client.

    url: address of the worker socket; default the environment's III_URL, then DEFAULT_URL.
    name: name of the worker; default III_WORKER_NAME, then ``host:pid``.
    description: shown beside the name.
    token: sent as ``Authorization: Bearer``; default III_TOKEN.
    headers: further headers of the upgrade request; an Authorization here wins over the token.
    namespace: where this worker lives and what its calls and triggers mean by a bare function id.
    concurrency: how many handlers run at once; None means no limit of ours.
    reconnect_initial_s, reconnect_max_s: first and longest pause between attempts to connect.
    call_timeout_s: how long a call waits for its result unless it says otherwise.
    """

    url: str
    name: str | None = None
    description: str | None = None
    token: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    namespace: str | None = None
    concurrency: int | None = None
    reconnect_initial_s: float = 1.0
    reconnect_max_s: float = 30.0
    call_timeout_s: float = 30.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise InvalidArguments(f"Not a WebSocket address: {self.url!r}")
        if self.concurrency is not None and self.concurrency < 1:
            raise InvalidArguments("concurrency must be at least 1")

    def upgrade_headers(self) -> dict[str, str]:
        """Return the headers to send with the upgrade request."""
        headers = dict(self.headers or {})
        token = self.token or os.environ.get("III_TOKEN")
        if token and "authorization" not in {name.lower() for name in headers}:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def identity(self) -> dict[str, object]:
        """Return the input of ``engine::workers::register`` (protocol reference, section 7.1)."""
        identity: dict[str, object] = {
            "runtime": "python",
            # Not a bare number: the engine would take it for an iii-sdk of that age.
            "version": f"iii-triggers {metadata.version('iii-triggers')}",
            "name": self.name or os.environ.get("III_WORKER_NAME") or _default_name(),
            "os": f"{platform.system()} {platform.release()}",
            "pid": os.getpid(),
        }
        optional = {"description": self.description, "namespace": self.namespace}
        return identity | {key: value for key, value in optional.items() if value is not None}


def default_url() -> str:
    """Return the address to use when none is given."""
    return os.environ.get("III_URL") or DEFAULT_URL


def _default_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
