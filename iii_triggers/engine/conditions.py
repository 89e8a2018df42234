"""Condition functions: a trigger may ask a function whether to fire."""

from __future__ import annotations

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
    invoker: Invoker, function_id: str, data: Payload, *, namespace: str, timeout_s: float | None
) -> bool:
    """Ask a condition function: only a plain ``false`` says no (trigger reference, section 1.4).

    Raises the IiiError the function ended with.
    """
    call = Call(function_id=function_id, data=data, namespace=namespace, timeout_s=timeout_s)
    answer = await invoker.invoke(call)
    return answer.value() is not False
