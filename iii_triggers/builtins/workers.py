"""``engine::workers::*`` (protocol reference, sections 7.1 and 7.4)."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from iii_triggers.engine.connections import WorkerConnection, WorkerInfo
from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.ownership import refuse_name
from iii_triggers.engine.registrations import is_id
from iii_triggers.protocol.errors import InvalidInput, InvalidNamespace

from .base import builtin

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

MAX_TEXT = 280
CONFLICT = 4409
"""Close code of a worker whose name is taken; SDKs stop because of the frame before it."""
PIDLESS_BEFORE = {"node": (0, 9, 0), "python": (0, 8, 2)}
"""SDKs older than these send no pid, so its absence does not make them ghosts."""


class RegisterInput(Struct):
    """What a worker tells of itself; every key may be missing."""

    runtime: str | None = None
    version: str | None = None
    name: str | None = None
    os: str | None = None
    pid: int | None = None
    isolation: str | None = None
    description: str | None = None
    namespace: str | None = None


class ListInput(Struct):
    """Filters; ``worker_id`` is the one of old SDKs."""

    search: str | None = None
    runtime: str | None = None
    status: str | None = None
    worker_id: str | None = None


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    def register(data: RegisterInput, context: CallContext) -> dict[str, bool]:
        connection = context.caller
        if connection is None:
            raise InvalidInput.of(context.function_id, "missing field `_caller_worker_id`")
        connection.info = _info(data)
        _settle_namespace(connection, data.namespace)
        refusal = refuse_name(engine.connections.values(), connection)
        if refusal is not None:
            connection.send(refusal)
            # After the answer.
            asyncio.get_running_loop().call_soon(connection.close, CONFLICT)
            return {"success": False}
        connection.registered = True
        engine.mirror.worker_connected(connection)
        return {"success": True}

    def list_(data: ListInput, context: CallContext) -> dict[str, Any]:
        rows = [_row(engine, connection) for connection in _visible(engine, data)]
        rows.sort(key=lambda row: (row["name"] or "", row["id"]))
        return {"workers": rows, "timestamp": int(time.time() * 1000)}

    yield from builtin(
        "engine::workers::register", RegisterInput, register, description="Introduce a worker."
    )
    yield from builtin(
        "engine::workers::list", ListInput, list_, description="List connected workers."
    )


def _settle_namespace(connection: WorkerConnection, namespace: str | None) -> None:
    """Put a worker into its namespace; one that is in a namespace already stays there."""
    if namespace is not None and not connection.gate.is_introduced:
        connection.namespace = namespace


def _info(data: RegisterInput) -> WorkerInfo:
    if data.namespace is not None and not is_id(data.namespace):
        raise InvalidNamespace()
    return WorkerInfo(
        name=_clean(data.name),
        description=_clean(data.description),
        runtime=_clean(data.runtime) or "unknown",
        version=_clean(data.version) or "",
        os=_clean(data.os) or "",
        pid=data.pid if data.pid is None or 0 <= data.pid < 2**63 else None,
        isolation=_clean(data.isolation),
    )


def _visible(engine: Engine, wanted: ListInput) -> Iterator[WorkerConnection]:
    for connection in engine.connections.values():
        info = connection.info
        fits = (
            _is_listed(connection)
            and wanted.worker_id in (None, connection.worker_id)
            and wanted.runtime in (None, info.runtime)
            and wanted.status in (None, "connected")
            and (wanted.search or "").lower() in f"{info.name} {info.description}".lower()
        )
        if fits:
            yield connection


def _is_listed(connection: WorkerConnection) -> bool:
    """Leave out what never introduced itself, and browsers (section 7.4)."""
    if not connection.registered:
        return False
    if connection.info.pid is not None:
        return True
    first_with_pid = PIDLESS_BEFORE.get(connection.info.runtime)
    version = connection.sdk_version
    return first_with_pid is not None and version is not None and version < first_with_pid


def _row(engine: Engine, connection: WorkerConnection) -> dict[str, Any]:
    info = connection.info
    return {
        "id": connection.worker_id,
        "name": info.name,
        "description": info.description,
        "version": info.version,
        "namespace": connection.namespace,
        "runtime": info.runtime,
        "os": info.os,
        "pid": info.pid,
        "status": "connected",
        "function_count": len(connection.function_ids),
        "functions": sorted(connection.function_ids),
        "connected_at_ms": connection.connected_at_ms,
        "active_invocations": len(connection.executing),
        "isolation": info.isolation,
        "ip_address": connection.ip,
    }


def _clean(text: str | None) -> str | None:
    """Strip control and bidi characters, cut and trim; nothing left is None (section 7.1)."""
    kept = "".join(c for c in text or "" if unicodedata.category(c) not in ("Cc", "Cf"))
    return kept[:MAX_TEXT].strip() or None
