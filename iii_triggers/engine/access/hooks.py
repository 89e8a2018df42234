"""Asks the site's own functions about a connection: who it is, and what it registers.

They may be functions of other workers: never called from a frame handler without the gate.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from iii_triggers.conf import settings
from iii_triggers.engine.calls import Call
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.errors import IiiError
from iii_triggers.protocol.text import one_line

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

logger = logging.getLogger(__name__)


async def ask(engine: Engine, function_id: str, data: Any) -> Any:
    """Return the answer of a function in ``default``. Raise the IiiError the call ended with."""
    call = Call(
        function_id=function_id, data=Payload.of(data), timeout_s=settings.III_AUTH_TIMEOUT_S
    )
    return (await engine.invoke_fresh(call)).value()


async def ask_hooks(
    engine: Engine,
    function_ids: Iterable[str],
    facts: Mapping[str, Any],
    *,
    may_change: Iterable[str],
) -> dict[str, Any] | None:
    """Return ``facts`` as the hooks leave them, None if one of them denies (section 9.5).

    A hook allows by returning an object; a key that is missing or null is unchanged.
    """
    known = dict(facts)
    for function_id in function_ids:
        changes = await _ask_hook(engine, function_id, known)
        if changes is None:
            return None
        for key in may_change:
            if changes.get(key) is not None:
                known[key] = changes[key]
    return known


async def _ask_hook(
    engine: Engine, function_id: str, facts: Mapping[str, Any]
) -> dict[str, Any] | None:
    try:
        answer = await ask(engine, function_id, dict(facts))
    except IiiError as error:
        reason = one_line(error.message)
        logger.warning("Hook %s failed, so it denies: %s", function_id, reason)
        return None
    return answer if isinstance(answer, dict) else None
