"""How a built-in function is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

import msgspec
from asgiref.sync import iscoroutinefunction

from iii_triggers.engine.functions import CallContext, FunctionInfo, LocalFunction
from iii_triggers.protocol.errors import InvalidInput


def builtin(
    function_id: str, input_type: type[Any], handler: Callable[..., Any], *, description: str
) -> Iterator[LocalFunction]:
    """Yield a built-in function and, for an ``engine::`` id, its dotted alias of old SDKs.

    The input is converted to ``input_type`` (a msgspec struct) first; no input is ``{}``, and one
    of the wrong shape is answered with ``deserialization_error``. A field of the type ``Raw`` gets
    its JSON text as it was sent.
    """
    convert = _reader(input_type)

    def call(data: Any, context: CallContext) -> Any:
        return handler(convert(data, context), context)

    async def acall(data: Any, context: CallContext) -> Any:
        return await handler(convert(data, context), context)

    is_async = iscoroutinefunction(handler)
    ids = [function_id]
    if function_id.startswith("engine::"):
        ids.append(function_id.replace("::", "."))
    for id_ in ids:
        info = FunctionInfo(function_id=id_, description=description)
        yield LocalFunction(
            info=info, handler=acall if is_async else call, is_async=is_async, is_builtin=True
        )


def _reader(input_type: type[Any]) -> Callable[[Any, CallContext], Any]:
    """Return what makes the input of a call one of ``input_type``."""
    types = [item.type for item in msgspec.structs.fields(input_type)]
    keeps_text = any(msgspec.Raw in (type_, *get_args(type_)) for type_ in types)

    def read(data: Any, context: CallContext) -> Any:
        try:
            if keeps_text and data is not None:
                return msgspec.json.decode(context.data.json(), type=input_type)
            return msgspec.convert({} if data is None else data, input_type)
        except msgspec.ValidationError as error:
            raise InvalidInput.of(context.function_id, str(error)) from error

    return read
