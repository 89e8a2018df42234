"""Reads from the database what other nodes offer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from iii_triggers.models import Function, Node

from .functions import FunctionInfo, Key

_INFO = ("namespace", "function_id", "description", "metadata", "invocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRows:
    """What the database tells of a node."""

    node_id: str
    channel: str
    offers: dict[Key, tuple[FunctionInfo, str]] = field(default_factory=dict)
    """Functions, and the name of the newest worker that offers each."""


def read_channels(this_node: str) -> dict[str, str]:
    """Return the channels of the other nodes by node id. A unit of database work."""
    nodes = Node.objects.exclude(node_id=this_node).exclude(channel="")
    return dict(nodes.values_list("node_id", "channel"))


def read_nodes(this_node: str, node_ids: Collection[str] | None) -> list[NodeRows]:
    """Return what the database tells of other nodes, of all without ids. A unit of work."""
    channels = read_channels(this_node)
    wanted = channels.keys() if node_ids is None else channels.keys() & set(node_ids)
    nodes = {id_: NodeRows(node_id=id_, channel=channels[id_]) for id_ in wanted}
    if nodes:
        for node_id, worker_name, info in _read_offers(sorted(nodes)):
            nodes[node_id].offers[info.key] = (info, worker_name)
    return list(nodes.values())


def _read_offers(node_ids: list[str]) -> Iterator[tuple[str, str, FunctionInfo]]:
    rows: Any = Function.objects.filter(worker__node_id__in=node_ids).order_by("pk")
    for row in rows.values(*_INFO, "worker__node_id", "worker__name"):
        info = FunctionInfo(
            function_id=row["function_id"],
            namespace=row["namespace"],
            description=row["description"] or None,
            metadata=row["metadata"],
            invocation=row["invocation"],
        )
        yield row["worker__node_id"], row["worker__name"], info
