"""All that is known of a worker (protocol reference, section 7.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from iii_triggers.engine.functions import CallContext, FunctionInfo
from iii_triggers.models import Function

from . import elsewhere
from .function_rows import function_row
from .registered_triggers import visible_triggers
from .trigger_rows import registered_row, type_row
from .triggers import known_types
from .visibility import viewer
from .worker_rows import WorkerFacts, worker_row

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine


async def worker_detail(
    engine: Engine, context: CallContext, worker: WorkerFacts
) -> dict[str, Any]:
    """Return ``{"worker": row, "functions": [row], "trigger_types": [row], "registered_triggers":
    [row]}``, each row as the list of its kind has it.
    """
    may_see = viewer(engine, context)
    owner = None if worker.internal else worker.id
    types = [type_row(t) for t in await known_types(engine) if t.worker_id == owner]
    triggers = [t for t in await visible_triggers(engine, context) if t.worker_id == owner]
    infos = [info for info in await _functions(engine, worker) if may_see(*info.key)]
    name = worker.name if not worker.internal else None
    return {
        "worker": worker_row(worker, may_see),
        "functions": [function_row(info, name) for info in sorted(infos, key=_order)],
        "trigger_types": types,
        "registered_triggers": [registered_row(trigger) for trigger in triggers],
    }


async def _functions(engine: Engine, worker: WorkerFacts) -> list[FunctionInfo]:
    if worker.internal:
        return [function.info for function in engine.functions.local()]
    if worker.id in engine.connections:
        return list(_offers(engine, worker.id))
    return await elsewhere.read(engine, _rows, worker.id)


def _offers(engine: Engine, worker_id: str) -> Iterator[FunctionInfo]:
    for offer in engine.functions.all_offers():
        if offer.connection.worker_id == worker_id:
            yield offer.info


def _rows(this_node: str, worker_id: str) -> list[FunctionInfo]:
    return [
        FunctionInfo(
            function_id=row.function_id,
            namespace=row.namespace,
            description=row.description or None,
            metadata=row.metadata,
        )
        for row in Function.objects.filter(worker_id=worker_id)
    ]


def _order(info: FunctionInfo) -> tuple[str, str]:
    return (info.function_id, info.namespace)
