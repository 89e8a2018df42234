"""``engine::functions::*`` (protocol reference, section 7.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from iii_triggers.engine.functions import CallContext, FunctionInfo, LocalFunction

from .base import builtin

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine


class ListInput(Struct):
    """Filters of the list."""

    search: str | None = None
    prefix: str | None = None
    worker: str | None = None
    workers: list[str] | None = field(default=None)
    include_internal: bool | None = None


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    def list_(data: ListInput, context: CallContext) -> dict[str, Any]:
        rows = [row for row in rows_of(engine) if _fits(row, data)]
        search = (data.search or "").lower()
        rows.sort(key=lambda row: (search not in row["function_id"].lower(), row["function_id"]))
        return {"functions": rows}

    yield from builtin("engine::functions::list", ListInput, list_, description="List functions.")


def rows_of(engine: Engine) -> Iterator[dict[str, Any]]:
    """Yield a row for each function, as SDKs of every age can read it.

    The formats are left out: the models of old Python SDKs fail on those of newer workers.
    """
    offered = set()
    for offer in engine.functions.offers():
        offered.add(offer.info.key)
        yield _row(offer.info, offer.connection.info.name)
    for remote in engine.functions.remote.offers():
        if remote.info.key not in offered:
            offered.add(remote.info.key)
            yield _row(remote.info, remote.worker_name)
    for function in engine.functions.local():
        if function.info.key not in offered:
            yield _row(function.info, None)


def _row(info: FunctionInfo, worker_name: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "function_id": info.function_id,
        "namespace": info.namespace,
        "worker_name": worker_name or info.function_id.split("::", 1)[0],
    }
    if info.description is not None:
        row["description"] = info.description
    if isinstance(info.metadata, dict):
        row["metadata"] = info.metadata
    return row


def _fits(row: dict[str, Any], wanted: ListInput) -> bool:
    function_id = row["function_id"]
    workers = [*(wanted.workers or []), *([wanted.worker] if wanted.worker else [])]
    text = f"{function_id} {row.get('description', '')}".lower()
    return (
        (bool(wanted.include_internal) or not _is_internal(row))
        and function_id.startswith(wanted.prefix or "")
        and (wanted.search or "").lower() in text
        and (not workers or row["worker_name"] in workers)
    )


def _is_internal(row: dict[str, Any]) -> bool:
    function_id = row["function_id"]
    if function_id.startswith("engine::queue::"):
        return False
    return (
        function_id.startswith(("engine::", "engine."))
        or row.get("metadata", {}).get("internal") is True
    )
