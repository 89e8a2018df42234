"""Workers as rows, of this node and of others (protocol reference, section 7.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iii_triggers.engine.connections import WorkerConnection, version_numbers
from iii_triggers.engine.functions import Key
from iii_triggers.engine.measures import metrics_of
from iii_triggers.models import Function, Worker

from .trigger_rows import ENGINE_NAME

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

PIDLESS_BEFORE = {"node": (0, 9, 0), "python": (0, 8, 2)}
"""SDKs older than these send no pid, so its absence does not make them ghosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A worker, wherever it is connected; ``internal`` is the engine itself, which serves too."""

    id: str
    name: str | None
    description: str | None
    version: str
    namespace: str
    runtime: str
    os: str
    pid: int | None
    isolation: str | None
    ip: str
    connected_at_ms: int
    functions: frozenset[Key]
    in_flight: int
    metrics: Any = None
    status: str = "connected"
    internal: bool = False

    @property
    def is_listed(self) -> bool:
        """Leave out what never introduced itself, and browsers (section 7.4)."""
        if self.internal or self.pid is not None:
            return True
        first_with_pid = PIDLESS_BEFORE.get(self.runtime)
        version = version_numbers(self.version)
        return first_with_pid is not None and version is not None and version < first_with_pid


def workers_here(engine: Engine) -> Iterator[WorkerFacts]:
    """Return the workers of this node that introduced themselves."""
    for connection in engine.connections.values():
        if connection.registered:
            yield _of_connection(connection)


def workers_of_other_nodes(this_node: str) -> list[WorkerFacts]:
    """Return the workers of other nodes. A unit of database work."""
    functions: dict[str, set[Key]] = {}
    offers = Function.objects.exclude(worker=None).exclude(worker__node_id=this_node)
    for worker_id, *key in offers.order_by().values_list("worker_id", "namespace", "function_id"):
        functions.setdefault(worker_id, set()).add((key[0], key[1]))
    rows = Worker.objects.exclude(node_id=this_node)
    return [_of_row(row, frozenset(functions.get(row.pk, ()))) for row in rows]


def engine_as_worker(engine: Engine) -> WorkerFacts:
    """Return the engine itself, which runs the built-in functions and those of the site."""
    return WorkerFacts(
        id=engine.node.node_id,
        name=ENGINE_NAME,
        description=None,
        version="",
        namespace="default",
        runtime=ENGINE_NAME,
        os="",
        pid=None,
        isolation="in-process",
        ip="",
        connected_at_ms=engine.presence.since_ms,
        functions=frozenset(function.info.key for function in engine.functions.local()),
        in_flight=0,
        status="available",
        internal=True,
    )


def worker_row(worker: WorkerFacts, may_see: Callable[[str, str], bool]) -> dict[str, Any]:
    """Return the union of what SDKs of every age read of a worker.

    ``{"id", "name"?, "description"?, "version", "namespace", "runtime", "os", "pid"?: int,
    "status", "function_count": int, "functions": [id], "connected_at_ms": int,
    "active_invocations": int, "isolation"?, "ip_address", "internal": bool, "latest_metrics"?}``;
    what is marked may be null. Functions that ``may_see`` denies are left out.
    """
    functions = sorted({key[1] for key in worker.functions if may_see(*key)})
    return {
        "id": worker.id,
        "name": worker.name,
        "description": worker.description,
        "version": worker.version,
        "namespace": worker.namespace,
        "runtime": worker.runtime,
        "os": worker.os,
        "pid": worker.pid,
        "status": worker.status,
        "function_count": len(functions),
        "functions": functions,
        "connected_at_ms": worker.connected_at_ms,
        "active_invocations": worker.in_flight,
        "isolation": worker.isolation,
        "ip_address": worker.ip,
        "internal": worker.internal,
        "latest_metrics": worker.metrics,
    }


def _of_connection(connection: WorkerConnection) -> WorkerFacts:
    info = connection.info
    return WorkerFacts(
        id=connection.worker_id,
        name=info.name,
        description=info.description,
        version=info.version,
        namespace=connection.namespace,
        runtime=info.runtime,
        os=info.os,
        pid=info.pid,
        isolation=info.isolation,
        ip=connection.ip,
        connected_at_ms=connection.connected_at_ms,
        functions=frozenset((connection.namespace, id_) for id_ in connection.function_ids),
        in_flight=len(connection.executing),
        metrics=metrics_of(connection),
    )


def _of_row(row: Worker, functions: frozenset[Key]) -> WorkerFacts:
    return WorkerFacts(
        id=row.worker_id,
        name=row.name or None,
        description=row.description or None,
        version=row.version,
        namespace=row.namespace,
        runtime=row.runtime,
        os=row.os,
        pid=row.pid,
        isolation=row.isolation or None,
        ip=row.ip,
        connected_at_ms=int(row.connected_at.timestamp() * 1000),
        functions=functions,
        in_flight=row.in_flight,
        metrics=row.metrics,
    )
