"""What a worker may see of the functions that are there: the one place that decides it.

Every row and every detail of the introspection functions, and what ``engine::functions-available``
tells a worker, goes through ``visible``. It is what the session of the worker may call
(protocol reference, section 9.3): ``visible`` is asked for each function and
``sees_everything`` once for a caller, so that lists cost nothing for callers without rules.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iii_triggers.engine.functions import CallContext, FunctionInfo
from iii_triggers.protocol.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from iii_triggers.engine.connections import WorkerConnection
    from iii_triggers.engine.core import Engine


def sees_everything(connection: WorkerConnection | None) -> bool:
    """Tell whether ``visible`` is true of every function; no connection is the site itself."""
    return connection is None or connection.session.is_open


def visible(connection: WorkerConnection | None, info: FunctionInfo) -> bool:
    """Tell whether a worker may know of the function ``info.function_id`` in ``info.namespace``.

    ``info.metadata`` is what the function was registered with, None for one that is not there.
    """
    if connection is None:
        return True
    verdict = connection.session.verdict(
        info.namespace, info.function_id, lambda key: (info.metadata,)
    )
    return verdict == "allowed"


def viewer(engine: Engine, context: CallContext) -> Callable[[str, str], bool]:
    """Return what tells whether the caller may know of a function: namespace and id."""
    if sees_everything(context.caller):
        return lambda namespace, function_id: True
    # With the metadata of every provider, as for a call.
    return lambda namespace, function_id: all(
        visible(context.caller, replace(info_of(engine, namespace, function_id), metadata=one))
        for one in engine.functions.metadata_of((namespace, function_id)) or (None,)
    )


def check_visible(engine: Engine, context: CallContext, namespace: str, function_id: str) -> None:
    """Raise Forbidden if the caller may not know of a function, whether or not it exists."""
    if not viewer(engine, context)(namespace, function_id):
        raise Forbidden(f"function '{function_id}' not allowed in namespace '{namespace}'")


def info_of(engine: Engine, namespace: str, function_id: str) -> FunctionInfo:
    """Return what is known of a function; of an unknown one, its name."""
    found = engine.functions.find(namespace, function_id)
    if found is None:
        return FunctionInfo(function_id=function_id, namespace=namespace)
    return found.info
