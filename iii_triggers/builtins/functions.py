"""``engine::functions::*`` (protocol reference, sections 7.2 and 7.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from iii_triggers.engine.functions import CallContext, FunctionInfo, LocalFunction
from iii_triggers.protocol.errors import InvalidArguments

from .base import builtin
from .function_details import BadName, function_details
from .function_rows import function_row, is_hidden, known_functions, offered_by
from .visibility import viewer

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

MAX_BATCH = 32


class ListInput(Struct):
    """Filters of the list."""

    search: str | None = None
    prefix: str | None = None
    worker: str | None = None
    workers: list[str] | None = None
    include_internal: bool | None = None


class InfoInput(Struct):
    """One function, or some."""

    function_id: str | None = None
    function_ids: list[str] | None = None
    namespace: str | None = None


def functions_of(engine: Engine) -> Iterator[LocalFunction]:
    """Return the functions of this family."""

    def list_(data: ListInput, context: CallContext) -> dict[str, Any]:
        return {"functions": [function_row(*known) for known in _listed(engine, data, context)]}

    async def info(data: InfoInput, context: CallContext) -> dict[str, Any]:
        ids = _ids(data)
        details = await function_details(engine, context, ids, namespace=data.namespace)
        if data.function_id is None:
            found = [_or_error(id_, details[id_]) for id_ in ids]
            return {"functions": found}
        (detail,) = details.values()
        if isinstance(detail, BadName):
            raise detail.error
        return detail

    yield from builtin("engine::functions::list", ListInput, list_, description="List functions.")
    yield from builtin(
        "engine::functions::info", InfoInput, info, description="Tell all about functions."
    )


def _listed(
    engine: Engine, wanted: ListInput, context: CallContext
) -> list[tuple[FunctionInfo, str | None]]:
    workers = {*(wanted.workers or ()), *((wanted.worker,) if wanted.worker else ())}
    known = offered_by(engine, workers) if workers else known_functions(engine)
    may_see = viewer(engine, context)
    found = [one for one in known.values() if _fits(one[0], wanted) and may_see(*one[0].key)]
    search = (wanted.search or "").lower()
    found.sort(key=lambda one: (_distance(one[0], search), one[0].function_id, one[0].namespace))
    return found


def _fits(info: FunctionInfo, wanted: ListInput) -> bool:
    text = f"{info.function_id}\n{info.description or ''}".lower()
    return (
        (bool(wanted.include_internal) or not is_hidden(info))
        and info.function_id.startswith(wanted.prefix or "")
        and (wanted.search or "").lower() in text
    )


def _distance(info: FunctionInfo, search: str) -> int:
    """Rank a hit: the id begins with what is searched, holds it, or only the description does."""
    function_id = info.function_id.lower()
    return 0 if function_id.startswith(search) else 1 if search in function_id else 2


def _ids(data: InfoInput) -> list[str]:
    if (data.function_id is None) == (data.function_ids is None):
        raise InvalidArguments("Give either function_id or function_ids.")
    if data.function_id is not None:
        return [data.function_id]
    ids = list(dict.fromkeys(data.function_ids or ()))
    if not 0 < len(ids) <= MAX_BATCH:
        raise InvalidArguments(f"function_ids takes 1 to {MAX_BATCH} ids.")
    return ids


def _or_error(function_id: str, detail: dict[str, Any] | BadName) -> dict[str, Any]:
    if isinstance(detail, BadName):
        return {"function_id": function_id, "error": detail.word}
    return detail
