"""Reads from the database what other nodes offer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from iii_triggers.models import Function, Node
from iii_triggers.models import Trigger as TriggerRow

from .functions import FunctionInfo, Key
from .remote_functions import OfferFacts
from .remote_triggers import Wanted
from .trigger_values import Trigger

_TRIGGER = (
    "trigger_id",
    "trigger_type",
    "function_id",
    "config",
    "metadata",
    "namespace",
    "provider_namespace",
    "created_at",
)
_INFO = ("namespace", "function_id", "description", "metadata", "invocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRows:
    """What the database tells of a node."""

    node_id: str
    channel: str
    is_draining: bool = False
    offers: dict[Key, OfferFacts] = field(default_factory=dict)
    triggers: list[Trigger] = field(default_factory=list)
    """Those of its workers that are wanted here."""


def read_channels(this_node: str) -> dict[str, str]:
    """Return the channels of the other nodes by node id. A unit of database work."""
    nodes = Node.objects.exclude(node_id=this_node).exclude(channel="")
    return dict(nodes.values_list("node_id", "channel"))


def read_nodes(
    this_node: str, node_ids: Collection[str] | None, triggers: Wanted
) -> list[NodeRows]:
    """Return what the database tells of other nodes, of all without ids. A unit of work."""
    channels = read_channels(this_node)
    wanted = channels.keys() if node_ids is None else channels.keys() & set(node_ids)
    stopping = _draining(wanted)
    nodes = {
        id_: NodeRows(node_id=id_, channel=channels[id_], is_draining=id_ in stopping)
        for id_ in wanted
    }
    if nodes:
        for node_id, worker_name, info in _read_offers(sorted(nodes)):
            offers = nodes[node_id].offers
            workers = offers[info.key].workers + 1 if info.key in offers else 1
            offers[info.key] = OfferFacts(info=info, worker_name=worker_name, workers=workers)
        for trigger in _read_triggers(sorted(nodes), triggers):
            nodes[trigger.node_id].triggers.append(trigger)
    return list(nodes.values())


def _draining(node_ids: Collection[str]) -> set[str]:
    stopping = Node.objects.filter(node_id__in=node_ids, draining_since__isnull=False)
    return set(stopping.values_list("node_id", flat=True)) if node_ids else set()


def _read_offers(node_ids: list[str]) -> Iterator[tuple[str, str, FunctionInfo]]:
    """Read what workers offer that are to stay."""
    rows: Any = Function.objects.filter(
        worker__node_id__in=node_ids, worker__draining_since=None
    ).order_by("pk")
    for row in rows.values(*_INFO, "worker__node_id", "worker__name"):
        info = FunctionInfo(
            function_id=row["function_id"],
            namespace=row["namespace"],
            description=row["description"] or None,
            metadata=row["metadata"],
            invocation=row["invocation"],
        )
        yield row["worker__node_id"], row["worker__name"], info


def _read_triggers(node_ids: list[str], wanted: Wanted) -> Iterator[Trigger]:
    state = TriggerRow.State
    live = Q(state=state.ACTIVE, trigger_type__in=wanted.active_of)
    waiting = Q(state=state.PARKED) & ~Q(trigger_type__in=wanted.parked_but)
    rows: Any = TriggerRow.objects.filter(live | waiting, worker__node_id__in=node_ids)
    for row in rows.order_by("created_at", "pk").values(*_TRIGGER, "worker__node_id"):
        yield Trigger(
            id=row["trigger_id"],
            trigger_type=row["trigger_type"],
            function_id=row["function_id"],
            config=row["config"],
            metadata=row["metadata"],
            namespace=row["namespace"],
            provider_namespace=row["provider_namespace"] or None,
            node_id=row["worker__node_id"],
            since=row["created_at"].timestamp(),
        )
