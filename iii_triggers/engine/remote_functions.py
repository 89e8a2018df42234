"""Which other nodes have workers that offer which functions: a table in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iii_triggers.conf import settings

from .remote_load import RemoteLoad

if TYPE_CHECKING:
    from .functions import FunctionInfo, Key


@dataclass(slots=True, kw_only=True, eq=False)
class RemoteNode:
    """Another process of ours, and how it does as seen from here."""

    node_id: str
    channel: str
    is_silent: bool = False
    """Whether it did not answer the last time, nor said hello since."""
    answered_at: float = -math.inf
    """When it answered a call from here, on the clock of the loop."""
    is_draining: bool = False
    """Whether it stops: it is called only for what nobody else offers."""
    offers: dict[Key, RemoteOffer] = field(default_factory=dict)
    """What its workers offer."""

    @property
    def is_well(self) -> bool:
        """Whether it answers, and stays."""
        return not self.is_silent and not self.is_draining


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFacts:
    """What is known of a function that workers of a node offer."""

    info: FunctionInfo
    worker_name: str = ""
    """Of the newest."""
    workers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RemoteOffer:
    """A function that workers of another node offer; that node picks the worker."""

    info: FunctionInfo
    node: RemoteNode
    worker_name: str = ""
    load: RemoteLoad = field(default_factory=RemoteLoad)


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
        """Return the offer to call: of the node whose workers have the fewest calls each.

        Among equals the calls take turns, as many for a node as it has workers. ``without`` are
        the ids of nodes that were tried. A node that did not answer comes last; one that would
        call a URL is asked if no other node has a worker for it.
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
        offers: Mapping[Key, OfferFacts],
        is_draining: bool = False,
    ) -> None:
        """Take what is known of a node now in place of what was known.

        Only what differs costs something.
        """
        node = self._nodes.setdefault(node_id, RemoteNode(node_id=node_id, channel=channel))
        node.channel, node.is_draining = channel, is_draining
        for key in node.offers.keys() - offers.keys():
            self.withdraw(key, node)
        for key, facts in offers.items():
            self._offer(key, node, facts)
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

    def begin(self, offer: RemoteOffer) -> None:
        """Note that a call from here goes to ``offer``."""
        offer.load.begin([other.load for other in self._offers.get(offer.info.key, ())])

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

    def _offer(self, key: Key, node: RemoteNode, facts: OfferFacts) -> None:
        old = node.offers.get(key)
        load = RemoteLoad() if old is None else old.load
        load.workers = facts.workers
        if old is None or old.worker_name != facts.worker_name or old.info != facts.info:
            self.withdraw(key, node)
            offer = RemoteOffer(
                info=facts.info, node=node, worker_name=facts.worker_name, load=load
            )
            self._offers.setdefault(key, []).append(offer)
            self._namespaces.add(facts.info.namespace)
            node.offers[key] = offer


def _busyness(offer: RemoteOffer) -> tuple[bool, float, float]:
    return (offer.node.is_silent, offer.load.per_worker(), offer.load.turn)
