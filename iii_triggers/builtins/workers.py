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
from iii_triggers.protocol.errors import (
    InvalidArguments,
    InvalidInput,
    InvalidNamespace,
    NotFound,
)

from . import elsewhere
from .base import builtin
from .eras import is_before_rework
from .visibility import viewer
from .worker_details import worker_detail
from .worker_rows import (
    WorkerFacts,
    engine_as_worker,
    worker_row,
    workers_here,
    workers_of_other_nodes,
)

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

MAX_TEXT = 280
CONFLICT = 4409
"""Close code of a worker whose name is taken; SDKs stop because of the frame before it."""
TELEMETRY = ("language", "framework", "project_name")


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
    telemetry: Any = None


class ListInput(Struct):
    """Filters; ``worker_id`` is the one of old SDKs."""

    search: str | None = None
    runtime: str | None = None
    status: str | None = None
    worker_id: str | None = None


class InfoInput(Struct):
    """Which worker; ``worker_id`` tells those with one name apart."""

    name: str | None = None
    worker_id: str | None = None
    namespace: str | None = None


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
        engine.presence.introduced(connection)
        return {"success": True}

    async def list_(data: ListInput, context: CallContext) -> dict[str, Any]:
        known = await known_workers(engine, with_engine=not is_before_rework(context))
        listed = [worker for worker in known if _fits(worker, data)]
        may_see = viewer(engine, context)
        rows = [worker_row(worker, may_see) for worker in listed]
        return {"workers": rows, "timestamp": int(time.time() * 1000)}

    async def info(data: InfoInput, context: CallContext) -> dict[str, Any]:
        known = await known_workers(engine, with_engine=True)
        return await worker_detail(engine, context, _only(known, data))

    yield from builtin(
        "engine::workers::register", RegisterInput, register, description="Introduce a worker."
    )
    yield from builtin(
        "engine::workers::list", ListInput, list_, description="List connected workers."
    )
    yield from builtin(
        "engine::workers::info", InfoInput, info, description="Tell all about a worker."
    )


async def known_workers(engine: Engine, *, with_engine: bool) -> list[WorkerFacts]:
    """Return the workers of every node by name, and the engine itself, as modern SDKs list it."""
    known = [*workers_here(engine), *await elsewhere.read(engine, workers_of_other_nodes)]
    if with_engine:
        known.append(engine_as_worker(engine))
    listed = [worker for worker in known if worker.is_listed]
    return sorted(listed, key=lambda worker: (worker.name or "", worker.id))


def _fits(worker: WorkerFacts, wanted: ListInput) -> bool:
    return (
        wanted.worker_id in (None, worker.id)
        and wanted.runtime in (None, worker.runtime)
        and wanted.status in (None, worker.status)
        and (wanted.search or "").lower() in f"{worker.name}\n{worker.description}".lower()
    )


def _only(known: list[WorkerFacts], wanted: InfoInput) -> WorkerFacts:
    if wanted.name is None and wanted.worker_id is None:
        raise InvalidArguments("Give a name or a worker_id.")
    found = [
        worker
        for worker in known
        if wanted.name in (None, worker.name)
        and wanted.worker_id in (None, worker.id)
        and wanted.namespace in (None, worker.namespace)
    ]
    if len(found) > 1:
        found = [worker for worker in found if worker.namespace == "default"] or found
    label = wanted.name if wanted.name is not None else wanted.worker_id
    if not found:
        raise NotFound(f"Worker '{label}' is not connected.")
    if len(found) > 1:
        raise NotFound(f"Worker '{label}' is ambiguous: there are {len(found)}. Say worker_id.")
    return found[0]


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
        telemetry=_telemetry(data.telemetry),
    )


def _telemetry(told: Any) -> dict[str, str] | None:
    """Keep what people want to know; the rest, such as a key of a statistics service, is not."""
    if not isinstance(told, dict):
        return None
    texts = {key: told.get(key) for key in TELEMETRY}
    cleaned = {key: _clean(text) for key, text in texts.items() if isinstance(text, str)}
    return {key: text for key, text in cleaned.items() if text} or None


def _clean(text: str | None) -> str | None:
    """Strip control and bidi characters, cut and trim; nothing left is None (section 7.1)."""
    kept = "".join(c for c in text or "" if unicodedata.category(c) not in ("Cc", "Cf"))
    return kept[:MAX_TEXT].strip() or None
