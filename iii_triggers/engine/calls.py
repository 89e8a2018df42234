"""Calls: what is asked for, and what waits for its outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from iii_triggers.protocol.errors import IiiError

from .causes import Cause
from .connections import WorkerConnection
from .payload import NOTHING, Payload
from .remote_functions import RemoteOffer

if TYPE_CHECKING:
    from .tracing.spans import Traced

WORKER_CALL_TIMEOUT_S = 24 * 3600.0
"""Calls of workers have the deadline of their SDK; this one only bounds what is forgotten."""

Outcome = Payload | IiiError
Done = Callable[[Outcome], None]


class Call(Struct, kw_only=True):
    """What is asked for."""

    function_id: str
    data: Payload = NOTHING
    namespace: str = "default"
    metadata: Any = None
    invocation_id: str | None = None
    timeout_s: float | None = None
    """None is the site's ``III_DEFAULT_TIMEOUT_MS``."""
    traceparent: str | None = None
    baggage: str | None = None
    caller: WorkerConnection | None = None
    """The worker that called; None for the engine's own calls."""
    cause: Cause | None = None
    """The trigger, delivery or replay behind the call; None if it was made directly."""


class Pending(Struct, kw_only=True, eq=False):
    """A call that waits for its outcome."""

    id: str
    call: Call
    done: Done
    executor: WorkerConnection | None = None
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    away: RemoteOffer | None = None
    """The offer of another node that is asked to run it."""
    tried: frozenset[str] = frozenset()
    """Ids of the nodes that were asked in vain."""
    stays_here: bool = False
    """Whether only workers of this node may run it, because another node asked for it."""
    started_at: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    run_id: str | None = None
    """Its id in the history, as soon as it has one."""
    is_shown: bool = False
    """Whether the history has a row of it that says it runs."""
    traced: Traced | None = None
    """Its span, if the site traces."""


class Recorder(Protocol):
    """Notes what was run."""

    def keep_input(self, pending: Pending) -> None:
        """Note what a function of this process is given, before it can change it."""

    def ended(self, pending: Pending, outcome: Outcome) -> None:
        """Note how a call ended."""


class Away(Protocol):
    """Has calls run by other nodes."""

    def begin(self, pending: Pending, offer: RemoteOffer) -> None:
        """Send a call; end it with ``Invoker.finish``, or pass it on with its ``try_elsewhere``.

        Raise SerializationFailed.
        """

    def forget(self, pending: Pending) -> None:
        """Note that nobody waits for the outcome any more."""
