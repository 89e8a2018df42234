"""Condition functions: a trigger may ask a function whether to fire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iii_triggers.protocol.errors import InvalidConfig

from .calls import Call
from .invocation import Invoker
from .payload import Payload

CONDITION_KEYS = (
    "condition_function_id",
    "_condition_path",
    "condition_function_path",
    "_condition_function_id",
)
"""The config keys under which SDKs of different ages name the condition function."""


async def condition_holds(
    invoker: Invoker,
    function_id: str,
    data: Payload,
    *,
    namespace: str,
    timeout_s: float | None,
    traceparent: str | None = None,
) -> bool:
    """Ask a condition function: only a plain ``false`` says no (trigger reference, section 1.4).

    Raises the IiiError the function ended with.
    """
    call = Call(
        function_id=function_id,
        data=data,
        namespace=namespace,
        timeout_s=timeout_s,
        traceparent=traceparent,
    )
    answer = await invoker.invoke(call)
    return answer.value() is not False


def condition_in(config: Mapping[str, Any]) -> str | None:
    """Return the id of the condition function of a config; "" is none. Raise InvalidConfig."""
    for key in CONDITION_KEYS:
        function_id = config.get(key)
        if function_id is not None and not isinstance(function_id, str):
            raise InvalidConfig(f"{key} must be the id of a function", field=key)
        if function_id:
            return function_id
    return None
