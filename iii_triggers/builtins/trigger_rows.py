"""Triggers and trigger types as rows, of this node and of others (protocol reference, 7.5).

Triggers of the site are the same on every node; other nodes have those of their workers besides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iii_triggers.engine.functions import Key
from iii_triggers.engine.trigger_values import TriggerEntry, TriggerTypeEntry
from iii_triggers.models import Trigger, TriggerType
from iii_triggers.protocol.codec import to_json

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

Row = dict[str, Any]

ENGINE_NAME = "engine"
"""What stands for a worker where the engine itself, or the site, is the owner."""
SUMMARY_LENGTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerFacts:
    """A trigger, wherever it is registered."""

    id: str
    trigger_type: str
    function_id: str
    namespace: str
    config: Any
    metadata: Any
    state: str
    error: str
    worker_name: str
    worker_id: str | None

    @property
    def function_key(self) -> Key:
        """The function it runs."""
        return (self.namespace, self.function_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeFacts:
    """A trigger type, wherever it is provided."""

    id: str
    namespace: str
    worker_name: str
    worker_id: str | None
    description: str
    config_schema: Any
    call_schema: Any


def triggers_here(engine: Engine) -> Iterator[TriggerFacts]:
    """Return the triggers of the site, and those of the workers of this node."""
    for entry in engine.triggers.entries():
        if not entry.trigger.node_id:
            yield _of_entry(entry)


def triggers_of_other_nodes(
    this_node: str, function_ids: Collection[str] | None = None
) -> list[TriggerFacts]:
    """Return the triggers of workers of other nodes. A unit of database work."""
    rows = Trigger.objects.filter(source=Trigger.Source.WORKER).exclude(worker=None)
    rows = rows.exclude(worker__node_id=this_node).select_related("worker").order_by("pk")
    if function_ids is not None:
        rows = rows.filter(function_id__in=list(function_ids))
    return [_of_trigger_row(row) for row in rows]


def types_here(engine: Engine) -> Iterator[TypeFacts]:
    """Return the types of the site, and those that workers of this node provide."""
    for type_ in engine.triggers.types():
        yield _of_type(type_)


def types_of_other_nodes(this_node: str) -> list[TypeFacts]:
    """Return the types that workers of other nodes provide. A unit of database work."""
    rows = TriggerType.objects.exclude(worker=None).exclude(worker__node_id=this_node)
    return [_of_type_row(row) for row in rows.select_related("worker")]


def registered_row(trigger: TriggerFacts) -> Row:
    """Return ``{"id", "trigger_type", "function_id", "worker_name", "config_summary"}`` and more.

    All of them strings, ``config`` any JSON value, ``namespace`` that of the function and ``state``
    ``active``, ``parked`` or ``rejected``.
    """
    return {
        "id": trigger.id,
        "trigger_type": trigger.trigger_type,
        "function_id": trigger.function_id,
        "namespace": trigger.namespace,
        "worker_name": trigger.worker_name,
        "config": trigger.config,
        "config_summary": summary(trigger.config),
        "state": trigger.state,
    }


def instance_row(trigger: TriggerFacts) -> Row:
    """Return the row of a trigger for SDKs before 0.13; their models take objects as metadata."""
    row = {
        "id": trigger.id,
        "trigger_type": trigger.trigger_type,
        "function_id": trigger.function_id,
        "config": trigger.config,
    }
    if isinstance(trigger.metadata, dict):
        row["metadata"] = trigger.metadata
    return row


def type_row(type_: TypeFacts) -> Row:
    """Return ``{"id", "namespace", "worker_name", "description"}``, all strings."""
    return {
        "id": type_.id,
        "namespace": type_.namespace,
        "worker_name": type_.worker_name,
        "description": type_.description,
    }


def summary(config: Any) -> str:
    """Return a config as JSON, cut to 80 characters."""
    text = to_json(config).decode()
    return text if len(text) <= SUMMARY_LENGTH else text[:SUMMARY_LENGTH] + "…"


def _of_entry(entry: TriggerEntry) -> TriggerFacts:
    trigger = entry.trigger
    owner = trigger.worker
    return TriggerFacts(
        id=trigger.id,
        trigger_type=trigger.trigger_type,
        function_id=trigger.function_id,
        namespace=trigger.namespace,
        config=trigger.config,
        metadata=trigger.metadata,
        state=entry.state,
        error=entry.error,
        worker_name=ENGINE_NAME if owner is None else owner.info.name or owner.worker_id,
        worker_id=trigger.worker_id,
    )


def _of_trigger_row(row: Trigger) -> TriggerFacts:
    return TriggerFacts(
        id=row.trigger_id,
        trigger_type=row.trigger_type,
        function_id=row.function_id,
        namespace=row.namespace,
        config=row.config,
        metadata=row.metadata,
        state=row.state,
        error=row.error,
        worker_name=str(row.worker or ENGINE_NAME),
        worker_id=row.worker_id,
    )


def _of_type(type_: TriggerTypeEntry) -> TypeFacts:
    owner = type_.worker
    return TypeFacts(
        id=type_.id,
        namespace=type_.namespace,
        worker_name=ENGINE_NAME if owner is None else owner.info.name or owner.worker_id,
        worker_id=owner.worker_id if owner is not None else None,
        description=type_.description,
        config_schema=type_.config_schema,
        call_schema=type_.call_schema,
    )


def _of_type_row(row: TriggerType) -> TypeFacts:
    return TypeFacts(
        id=row.type_id,
        namespace=row.namespace,
        worker_name=str(row.worker or ENGINE_NAME),
        worker_id=row.worker_id,
        description=row.description,
        config_schema=row.config_schema,
        call_schema=row.call_schema,
    )
