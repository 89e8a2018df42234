"""The functions ``stream::*`` (trigger reference, section 6.5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from msgspec import Raw, Struct
from msgspec.json import Encoder

from iii_triggers.builtins.base import builtin
from iii_triggers.builtins.items import given_text
from iii_triggers.engine.functions import CallContext, LocalFunction
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.errors import IiiError

from .custom_calls import ResultNotUnderstood
from .events import Custom, Sent
from .places import Place
from .store import DEFAULT, Namespaces, OwnStoreFailed

if TYPE_CHECKING:
    from .registrator import StreamTriggerType

NULL = b"null"

_encoder = Encoder()


class SetFailed(IiiError):
    """Failed to set value"""

    code = "STREAM_SET_ERROR"


class GetFailed(IiiError):
    """Failed to get value"""

    code = "STREAM_GET_ERROR"


class DeleteFailed(IiiError):
    """Failed to delete value"""

    code = "STREAM_DELETE_ERROR"


class ListFailed(IiiError):
    """Failed to get group"""

    code = "STREAM_GET_GROUP_ERROR"


class ListGroupsFailed(IiiError):
    """Failed to list groups"""

    code = "STREAM_LIST_GROUPS_ERROR"


class ListAllFailed(IiiError):
    """Failed to list streams"""

    code = "STREAM_LIST_ALL_ERROR"


class SendFailed(IiiError):
    """Failed to send event"""

    code = "STREAM_SEND_ERROR"


class UpdateFailed(IiiError):
    """Failed to update value"""

    code = "STREAM_UPDATE_ERROR"


class StreamInput(Struct):
    """A stream: ``{"stream_name": str}``."""

    stream_name: str


class GroupInput(StreamInput):
    """A group of a stream: ``{"stream_name": str, "group_id": str}``."""

    group_id: str


class ItemInput(GroupInput):
    """An item of a group: ``{"stream_name": str, "group_id": str, "item_id": str}``."""

    item_id: str

    @property
    def place(self) -> Place:
        """Where the item is."""
        return Place(stream_name=self.stream_name, group_id=self.group_id, item_id=self.item_id)


class SetInput(ItemInput):
    """An item and its new value: ``{..., "data": any}``."""

    data: Raw


class UpdateInput(ItemInput):
    """An item and update operations: ``{..., "ops": [{"type": str, ...}]}``."""

    ops: list[Any]


class SendInput(GroupInput):
    """An event: ``{"stream_name", "group_id", "id"?: str, "type": str, "data": any}``."""

    type: str
    data: Raw
    id: str | None = None

    @property
    def place(self) -> Place:
        """Whom it concerns."""
        return Place(stream_name=self.stream_name, group_id=self.group_id, item_id=self.id)


class Nothing(Struct):
    """No input."""


class Change(Struct, omit_defaults=True):
    """``{"old_value": any, "new_value": any, "errors"?: [...]}``."""

    old_value: Raw
    new_value: Raw
    errors: list[Any] = []


def functions_of(streams: StreamTriggerType) -> Iterator[LocalFunction]:
    """Return the functions, each with the dotted alias of the oldest SDKs.

    They read and write through the store of ``streams``.
    """
    for function in chain(_reads(streams), _writes(streams), _send(streams)):
        yield function
        dotted = replace(function.info, function_id=function.info.function_id.replace("::", "."))
        yield replace(function, info=dotted)


def _reads(streams: StreamTriggerType) -> Iterator[LocalFunction]:
    async def get(data: ItemInput, context: CallContext) -> Payload:
        with failing_as(GetFailed, OwnStoreFailed):
            return await streams.store.get(data.place, _namespaces(context))

    async def list_(data: GroupInput, context: CallContext) -> Payload:
        with failing_as(ListFailed, OwnStoreFailed):
            namespaces = _namespaces(context)
            return await streams.store.values(data.stream_name, data.group_id, namespaces)

    async def list_groups(data: StreamInput, context: CallContext) -> Payload:
        with failing_as(ListGroupsFailed, OwnStoreFailed):
            return await streams.store.list_groups(data.stream_name, _namespaces(context))

    async def list_all(data: Nothing, context: CallContext) -> dict[str, Any]:
        with failing_as(ListAllFailed):
            found = await streams.store.list_all()
        rows = [{"id": name, "groups": groups} for name, groups in found.items()]
        return {"stream": rows, "count": len(rows)}

    yield from builtin("stream::get", ItemInput, get, description="Get an item of a stream.")
    yield from builtin(
        "stream::list", GroupInput, list_, description="List the items of a group of a stream."
    )
    yield from builtin(
        "stream::list_groups", StreamInput, list_groups, description="List the groups of a stream."
    )
    yield from builtin(
        "stream::list_all", Nothing, list_all, description="List all streams and their groups."
    )


def _writes(streams: StreamTriggerType) -> Iterator[LocalFunction]:
    async def set_(data: SetInput, context: CallContext) -> Payload:
        with failing_as(SetFailed):
            value = given_text(data.data, context, name="data")
            written = await streams.store.set(data.place, value, _namespaces(context))
        return _change(written.old, written.new)

    async def update(data: UpdateInput, context: CallContext) -> Payload:
        with failing_as(UpdateFailed):
            updated = await streams.store.update(data.place, data.ops, _namespaces(context))
        return _change(updated.old, updated.new, updated.errors)

    async def delete(data: ItemInput, context: CallContext) -> Payload:
        with failing_as(DeleteFailed):
            old = await streams.store.delete(data.place, _namespaces(context))
        return Payload.of_json(_encoder.encode({"old_value": Raw(old or NULL)}))

    yield from builtin("stream::set", SetInput, set_, description="Set an item of a stream.")
    yield from builtin(
        "stream::update", UpdateInput, update, description="Change an item with operations."
    )
    yield from builtin(
        "stream::delete", ItemInput, delete, description="Delete an item of a stream."
    )


def _send(streams: StreamTriggerType) -> Iterator[LocalFunction]:
    async def send(data: SendInput, context: CallContext) -> Payload:
        with failing_as(SendFailed):
            text = given_text(data.data, context, name="data")
            sent = Custom(Sent(type=data.type, data=Raw(text)))
            await streams.sending.send(data.place, sent)
        return Payload.of_json(NULL)

    yield from builtin(
        "stream::send", SendInput, send, description="Send an event to a group of a stream."
    )


@contextmanager
def failing_as(type_: type[IiiError], what: type[IiiError] = IiiError) -> Iterator[None]:
    """Have what fails carry the code of the function; a result nobody understands has its own.

    Other errors than ``what`` pass as they are: those of custom stores do, in ``get`` and lists.
    """
    try:
        yield
    except ResultNotUnderstood:
        raise
    except what as error:
        raise type_(f"{type_().message}: {error.message}") from error


def _namespaces(context: CallContext) -> Namespaces:
    if context.caller is None or context.caller.namespace in DEFAULT:
        return DEFAULT
    return (context.caller.namespace, *DEFAULT)


def _change(old: bytes | None, new: bytes, errors: list[Any] | None = None) -> Payload:
    change = Change(old_value=Raw(old or NULL), new_value=Raw(new), errors=errors or [])
    return Payload.of_json(_encoder.encode(change))
