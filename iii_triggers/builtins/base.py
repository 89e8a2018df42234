"""How a built-in function is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from asgiref.sync import iscoroutinefunction

from iii_triggers.engine.functions import CallContext, FunctionInfo, LocalFunction
from iii_triggers.protocol.errors import InvalidInput


def builtin(
    function_id: str, input_type: type[Any], handler: Callable[..., Any], *, description: str
) -> Iterator[LocalFunction]:
    """Yield a built-in function and, for an ``engine::`` id, its dotted alias of old SDKs.

    The input is converted to ``input_type`` (a msgspec struct) first; no input is ``{}``, and one
    of the wrong shape is answered with ``deserialization_error``.
    """

    def call(data: Any, context: CallContext) -> Any:
        return handler(_convert(data, input_type, context.function_id), context)

    async def acall(data: Any, context: CallContext) -> Any:
        return await handler(_convert(data, input_type, context.function_id), context)

    is_async = iscoroutinefunction(handler)
    ids = [function_id]
    if function_id.startswith("engine::"):
        ids.append(function_id.replace("::", "."))
    for id_ in ids:
        info = FunctionInfo(function_id=id_, description=description)
        yield LocalFunction(
            info=info, handler=acall if is_async else call, is_async=is_async, is_builtin=True
        )


def _convert(data: Any, input_type: type[Any], function_id: str) -> Any:
    try:
        return msgspec.convert({} if data is None else data, input_type)
    except msgspec.ValidationError as error:
        raise InvalidInput.of(function_id, str(error)) from error
