"""The function table: who can run what."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import Any

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import LimitExceeded

from .connections import WorkerConnection
from .http_functions.invocations import HttpInvocation
from .payload import NOTHING, Payload
from .remote_functions import RemoteFunctions, RemoteOffer

Key = tuple[str, str]
"""Namespace and function id."""

ENGINE_PREFIX = ("engine::", "engine.")
KEEPS_UP_S = 0.1
"""A worker keeps up while its oldest call is younger than this."""
MARGIN = 2
"""How many calls fewer each worker of another node must have to be called instead of one here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """What a built-in function learns besides its input."""

    caller: WorkerConnection | None
    """The worker that called; None for the engine's own calls."""
    function_id: str
    """The id as the caller wrote it."""
    data: Payload = NOTHING
    """The input as it came, for functions that keep its text."""
    baggage: str | None = None
    """The W3C baggage that came with the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionInfo:
    """What is known about a function."""

    function_id: str
    namespace: str = "default"
    description: str | None = None
    request_format: Any = None
    response_format: Any = None
    metadata: Any = None
    invocation: dict[str, Any] | None = None

    @property
    def key(self) -> Key:
        """Where the function stands in the table."""
        return (self.namespace, self.function_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFunction:
    """A function of this process: one of the site's own, or built into the engine."""

    info: FunctionInfo
    handler: Callable[..., Any]
    is_async: bool
    is_builtin: bool = False
    """Built-in functions get the CallContext as second argument and run on the loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A worker's promise to run a function."""

    info: FunctionInfo
    connection: WorkerConnection
    own_id: str
    """What the worker calls the function: without the prefix of its session."""
    http: HttpInvocation | None = None
    """How the engine calls the function in place of the worker."""


@dataclass(slots=True)
class FunctionTable:
    """Functions by namespace and id; lookups cost the same however many there are."""

    remote: RemoteFunctions = field(default_factory=RemoteFunctions)
    """What workers of other nodes offer."""
    watchers: list[Callable[[], None]] = field(default_factory=list)
    """Told at once, and often, that offers of this node came or went."""
    _offers: dict[Key, list[Offer]] = field(default_factory=dict)
    _local: dict[Key, LocalFunction] = field(default_factory=dict)
    _namespaces: dict[str, set[str]] = field(default_factory=dict)

    def add_local(self, function: LocalFunction) -> None:
        """Add a function of this process, or replace it."""
        self._local[function.info.key] = function
        self._know(function.info)

    def offer(
        self,
        info: FunctionInfo,
        connection: WorkerConnection,
        *,
        http: HttpInvocation | None = None,
    ) -> None:
        """Note that a worker offers a function; offering it again replaces the description.

        With ``http`` the function is called over HTTP, as long as the worker is connected.
        Raise LimitExceeded when the worker offers too many.
        """
        if info.function_id not in connection.function_ids:
            if len(connection.function_ids) >= settings.III_MAX_FUNCTIONS_PER_WORKER:
                raise LimitExceeded("The worker registered too many functions.")
            connection.function_ids.add(info.function_id)
        offers = self._offers.setdefault(info.key, [])
        offers[:] = [offer for offer in offers if offer.connection is not connection]
        own_id = connection.names.own_function_id(info.function_id)
        offers.append(Offer(info=info, connection=connection, own_id=own_id, http=http))
        self._know(info)
        self._tell()

    def withdraw(self, namespace: str, function_id: str, connection: WorkerConnection) -> bool:
        """Forget the offer of this very connection; tell whether there was one."""
        key = (namespace, function_id)
        offers = self._offers.get(key, [])
        left = [offer for offer in offers if offer.connection is not connection]
        if len(left) == len(offers):
            return False
        connection.function_ids.discard(function_id)
        if left:
            self._offers[key] = left
        else:
            del self._offers[key]
            self._forget(key)
        self._tell()
        return True

    def find(
        self, namespace: str, function_id: str, *, without: Container[str] = ()
    ) -> Offer | RemoteOffer | LocalFunction | None:
        """Return who runs the function now: the first of these that there is.

        A worker here, one of another node, a URL that a worker here registered, one of another
        node, this process; the first two change places when the worker here falls behind.
        ``without`` are the ids of nodes that were tried. The engine's own ``engine::`` functions
        cannot be taken over by a worker.
        """
        key = (namespace, function_id)
        here = self.find_here(namespace, function_id)
        if here is not None and here.http is None:
            return (self.remote.has(key) and self._less_busy(key, here, without)) or here
        if self.remote.has(key) and not self._is_ours(key):
            remote = self.remote.choose(key, without)
            if remote is not None and (here is None or remote.info.invocation is None):
                return remote
        if here is not None:
            return here
        local = self._local.get(key)
        if local is None and function_id.startswith(ENGINE_PREFIX):
            return self._local.get(("default", function_id))
        return local

    def find_here(self, namespace: str, function_id: str) -> Offer | None:
        """Return the worker of this node that runs the function now, or the URL that does.

        A worker that drains is as good as gone.
        """
        offer = self._first_here((namespace, function_id))
        return None if offer is None or offer.connection.draining else offer

    def find_leaving(self, namespace: str, function_id: str) -> Offer | None:
        """Return the worker of this node that runs the function, also one that drains.

        For what workers that drain still have to do.
        """
        return self._first_here((namespace, function_id))

    def executing(self, namespace: str, function_id: str) -> int:
        """Return how many calls the workers of this node run that offer a function."""
        offers = self._offers.get((namespace, function_id), ())
        return sum(len(offer.connection.executing) for offer in offers)

    def namespaces_of(self, function_id: str) -> list[str]:
        """Return the namespaces that have this function id."""
        here = self._namespaces.get(function_id, set())
        return sorted(here | self.remote.namespaces_of(function_id))

    def offers(self) -> Iterator[Offer]:
        """Iterate over what workers offer, the one that is called first for each function."""
        for offers in self._offers.values():
            yield _newest_per_identity(offers)[-1]

    def offers_of(self, key: Key) -> list[Offer]:
        """Return what workers of this node offer under one key, oldest first."""
        return list(self._offers.get(key, ()))

    def all_offers(self) -> Iterator[Offer]:
        """Iterate over every offer of every worker."""
        for offers in self._offers.values():
            yield from offers

    def local(self) -> Iterator[LocalFunction]:
        """Iterate over the functions of this process."""
        yield from self._local.values()

    def metadata_of(self, key: Key) -> tuple[Any, ...]:
        """Return what each provider of a function registered as its metadata."""
        infos = [offer.info for offer in self._offers.get(key, ())]
        infos += [offer.info for offer in self.remote.offers_of(key)]
        if key in self._local:
            infos.append(self._local[key].info)
        return tuple(info.metadata for info in infos)

    def is_local(self, key: Key) -> bool:
        """Tell whether the function is one of this process: built in, or of the site."""
        return key in self._local

    def is_engines_own(self, function_id: str) -> bool:
        """Tell whether an id means a function of the engine itself, in any namespace."""
        return self._is_ours(("default", function_id))

    def _first_here(self, key: Key) -> Offer | None:
        offers = self._offers.get(key)
        if not offers or self._is_ours(key):
            return None
        return offers[0] if len(offers) == 1 else _choose(offers)

    def _less_busy(self, key: Key, here: Offer, without: Container[str]) -> RemoteOffer | None:
        """Return the offer of another node if the worker here, the least busy one, falls behind.

        A hop to another node costs more than a short wait: as long as the worker keeps up it gets
        the calls.
        """
        executing = here.connection.executing
        if len(executing) < MARGIN or settings.III_FUNCTION_CONFLICT != "balance":
            return None
        oldest = next(iter(executing.values()))
        if time.time() - oldest.started_at < KEEPS_UP_S:
            return None
        remote = self.remote.choose(key, without)
        if remote is None or remote.info.invocation is not None or not remote.node.is_well:
            return None
        return remote if remote.load.per_worker() + MARGIN <= len(executing) else None

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()

    def _is_ours(self, key: Key) -> bool:
        return key in self._local and key[1].startswith(ENGINE_PREFIX)

    def _know(self, info: FunctionInfo) -> None:
        self._namespaces.setdefault(info.function_id, set()).add(info.namespace)

    def _forget(self, key: Key) -> None:
        namespace, function_id = key
        if key not in self._local:
            self._namespaces[function_id].discard(namespace)
            if not self._namespaces[function_id]:
                del self._namespaces[function_id]


def _choose(offers: list[Offer]) -> Offer:
    """Pick the offer to call: the newest, or the one with the fewest calls in flight.

    A worker that runs the function itself goes before a URL, and one without rules before one that
    is under some, which has only taken what was free. One that drains comes last.
    """
    offers = [offer for offer in offers if not offer.connection.draining] or offers
    offers = [offer for offer in offers if offer.connection.session.is_open] or offers
    offers = [offer for offer in offers if offer.http is None] or offers
    if settings.III_FUNCTION_CONFLICT != "balance":
        return offers[-1]
    return min(_newest_per_identity(offers), key=lambda offer: len(offer.connection.executing))


def _newest_per_identity(offers: list[Offer]) -> list[Offer]:
    """Leave out offers of an old connection whose worker has offered the same again.

    A reconnected worker (same name and pid) is called on its new socket only, while the old one
    may be half-open. The old offer stays as a fallback, because two clients in one process look
    the same.
    """
    newest: dict[object, Offer] = {}
    for offer in offers:
        identity = offer.connection.identity or offer.connection.worker_id
        newest.pop(identity, None)
        newest[identity] = offer
    return list(newest.values())
