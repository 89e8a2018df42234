"""Which other nodes have workers that offer which functions: a table in memory."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iii_triggers.conf import settings

if TYPE_CHECKING:
    from .functions import FunctionInfo, Key


@dataclass(slots=True, kw_only=True, eq=False)
class RemoteNode:
    """Another process of ours, and how it does as seen from here."""

    node_id: str
    channel: str
    in_flight: int = 0
    """Calls from here that it runs."""
    last_called: int = 0
    is_silent: bool = False
    """Whether it did not answer the last time."""
    is_draining: bool = False
    """Whether it stops: it is called only for what nobody else offers."""
    offers: dict[Key, RemoteOffer] = field(default_factory=dict)
    """What its workers offer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOffer:
    """A function that workers of another node offer; that node picks the worker."""

    info: FunctionInfo
    node: RemoteNode
    worker_name: str = ""


class RemoteFunctions:
    """Offers of other nodes, by namespace and function id."""

    def __init__(self) -> None:
        self._nodes: dict[str, RemoteNode] = {}
        self._offers: dict[Key, list[RemoteOffer]] = {}
        self._namespaces: set[str] = set()
        self.watchers: list[Callable[[], None]] = []
        """Told that what is known of a node changed."""

    def has(self, key: Key) -> bool:
        """Tell whether any other node offers the function."""
        return key in self._offers

    def choose(self, key: Key, without: Container[str]) -> RemoteOffer | None:
        """Return the offer to call: of the node with the fewest calls from here, in turn.

        ``without`` are the ids of nodes that were tried. A node that did not answer comes last;
        one that would call a URL is asked if no other node has a worker for it.
        """
        offers = [o for o in self._offers.get(key, ()) if o.node.node_id not in without]
        if not offers:
            return None
        offers = [offer for offer in offers if offer.info.invocation is None] or offers
        offers = [offer for offer in offers if not offer.node.is_draining] or offers
        if settings.III_FUNCTION_CONFLICT != "balance":
            return offers[-1]
        return min(offers, key=_busyness)

    def nodes(self) -> list[RemoteNode]:
        """Return the other nodes that can be reached."""
        return list(self._nodes.values())

    def node(self, node_id: str) -> RemoteNode | None:
        """Return another node if it can be reached."""
        return self._nodes.get(node_id)

    def channels(self) -> list[str]:
        """Return where the other nodes are reached."""
        return [node.channel for node in self._nodes.values()]

    def offers(self) -> Iterator[RemoteOffer]:
        """Iterate over the functions, one offer for each."""
        for offers in self._offers.values():
            yield offers[-1]

    def offers_of(self, key: Key) -> list[RemoteOffer]:
        """Return the offers of one function, one for each node."""
        return list(self._offers.get(key, ()))

    def namespaces_of(self, function_id: str) -> set[str]:
        """Return the namespaces that have this function id."""
        return {name for name in self._namespaces if (name, function_id) in self._offers}

    def replace(
        self,
        node_id: str,
        *,
        channel: str,
        offers: Mapping[Key, tuple[FunctionInfo, str]],
        is_draining: bool = False,
    ) -> None:
        """Take what is known of a node now in place of what was known.

        ``offers`` are functions and the name of a worker. Only what differs costs something.
        """
        node = self._nodes.setdefault(node_id, RemoteNode(node_id=node_id, channel=channel))
        node.channel, node.is_draining = channel, is_draining
        for key in node.offers.keys() - offers.keys():
            self.withdraw(key, node)
        for key, (info, worker_name) in offers.items():
            old = node.offers.get(key)
            if old is None or old.worker_name != worker_name or old.info != info:
                self._add(RemoteOffer(info=info, node=node, worker_name=worker_name))
        self._tell()

    def meet(self, node_id: str, channel: str) -> None:
        """Know where a node is; what it offers is not touched."""
        node = self._nodes.setdefault(node_id, RemoteNode(node_id=node_id, channel=channel))
        node.channel = channel

    def remove(self, node_id: str) -> RemoteNode | None:
        """Forget a node that is gone; return it if it was known."""
        node = self._nodes.pop(node_id, None)
        if node is not None:
            for key in list(node.offers):
                self.withdraw(key, node)
            self._tell()
        return node

    def withdraw(self, key: Key, node: RemoteNode) -> None:
        """Forget one offer of a node, which says that it has none."""
        node.offers.pop(key, None)
        left = [offer for offer in self._offers.get(key, ()) if offer.node is not node]
        if left:
            self._offers[key] = left
        else:
            self._offers.pop(key, None)

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()

    def _add(self, offer: RemoteOffer) -> None:
        key = offer.info.key
        self.withdraw(key, offer.node)
        self._offers.setdefault(key, []).append(offer)
        self._namespaces.add(offer.info.namespace)
        offer.node.offers[key] = offer


def _busyness(offer: RemoteOffer) -> tuple[bool, int, int]:
    node = offer.node
    return (node.is_silent, node.in_flight, node.last_called)
