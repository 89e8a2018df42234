"""Functions as rows that SDKs of every age can read (protocol reference, section 7.2).

A row is ``{"function_id": str, "namespace": str, "worker_name": str, "description"?: str,
"metadata"?: object}``. Formats are left out: the models of old Python SDKs fail on those of newer
workers.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any

from iii_triggers.engine.functions import ENGINE_PREFIX, FunctionInfo, Key

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

Row = dict[str, Any]


def known_functions(engine: Engine) -> dict[Key, tuple[FunctionInfo, str | None]]:
    """Return every function once, with the name of the worker that is called first.

    Workers of this node come before those of others, and those before functions of the site.
    """
    known: dict[Key, tuple[FunctionInfo, str | None]] = {}
    for function in engine.functions.local():
        known[function.info.key] = (function.info, None)
    for remote in engine.functions.remote.offers():
        known[remote.info.key] = (remote.info, remote.worker_name)
    for offer in engine.functions.offers():
        known[offer.info.key] = (offer.info, offer.connection.info.name)
    return known


def offered_by(
    engine: Engine, workers: Container[str | None]
) -> dict[Key, tuple[FunctionInfo, str | None]]:
    """Return the functions that workers with one of these names or ids offer."""
    known: dict[Key, tuple[FunctionInfo, str | None]] = {}
    for node in engine.functions.remote.nodes():
        for remote in node.offers.values():
            if remote.worker_name in workers:
                known[remote.info.key] = (remote.info, remote.worker_name)
    for offer in engine.functions.all_offers():
        worker = offer.connection
        if worker.info.name in workers or worker.worker_id in workers:
            known[offer.info.key] = (offer.info, worker.info.name)
    for info, name in known_functions(engine).values():
        if name is None and info.key not in known and _owner(info, name) in workers:
            known[info.key] = (info, name)
    return known


def function_row(info: FunctionInfo, worker_name: str | None) -> Row:
    """Return the row of a function."""
    row: Row = {
        "function_id": info.function_id,
        "namespace": info.namespace,
        "worker_name": _owner(info, worker_name),
    }
    if info.description is not None:
        row["description"] = info.description
    if isinstance(info.metadata, dict):
        row["metadata"] = info.metadata
    return row


def function_rows(engine: Engine) -> Iterator[Row]:
    """Return the row of every function, hidden ones too, by id."""
    known = known_functions(engine)
    for key in sorted(known, key=lambda key: (key[1], key[0])):
        yield function_row(*known[key])


def is_hidden(info: FunctionInfo) -> bool:
    """Tell whether a list leaves a function out unless internal ones are asked for."""
    if info.function_id.startswith("engine::queue::"):
        return False
    if info.function_id.startswith(ENGINE_PREFIX):
        return True
    return isinstance(info.metadata, dict) and info.metadata.get("internal") is True


def _owner(info: FunctionInfo, worker_name: str | None) -> str:
    return worker_name or info.function_id.split("::", 1)[0]
