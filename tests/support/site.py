"""Functions of a site, declared for one test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from asgiref.sync import iscoroutinefunction

from iii_triggers.engine.declarations import SiteFunctions, TriggerDeclaration
from iii_triggers.engine.functions import FunctionInfo, LocalFunction


def declare(
    site: SiteFunctions,
    function_id: str,
    handler: Callable[..., Any],
    *,
    triggers: Sequence[TriggerDeclaration] = (),
) -> LocalFunction:
    """Declare ``handler`` in ``site`` and return what the engine's table holds of it."""
    function = LocalFunction(
        info=FunctionInfo(function_id=function_id),
        handler=handler,
        is_async=iscoroutinefunction(handler),
    )
    site.declare(function, triggers)
    return function
