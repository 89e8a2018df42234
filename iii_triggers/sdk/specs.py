"""From the friendly arguments of the client to messages of the protocol, and on to frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from msgspec import Raw

from iii_triggers.context import current_traceparent
from iii_triggers.protocol.codec import encode, to_json
from iii_triggers.protocol.errors import InvalidArguments
from iii_triggers.protocol.messages import (
    Action,
    InvokeFunction,
    Message,
    RegisterFunction,
    RegisterTrigger,
    RegisterTriggerType,
)

Spec = Mapping[str, Any]

# What msgspec raises for a value that is not JSON.
NOT_JSON = (TypeError, ValueError, OverflowError, RecursionError)


def function_message(spec: str | Spec, fields: Spec) -> RegisterFunction:
    """Return the registration of a function; ``spec`` is its id or ``{"id": ..., ...}``."""
    given = {"id": spec} if isinstance(spec, str) else dict(spec)
    given |= {key: value for key, value in fields.items() if value is not None}
    return RegisterFunction(
        id=_identifier(given, "id"),
        description=given.get("description"),
        request_format=given.get("request_format"),
        response_format=given.get("response_format"),
        metadata=given.get("metadata"),
    )


def trigger_message(spec: Spec | None, fields: Spec, *, namespace: str | None) -> RegisterTrigger:
    """Return the registration of a trigger, with a generated id if none is given.

    Keys: ``id``, ``type`` (or ``trigger_type``), ``function_id``, ``config``, ``metadata``,
    ``namespace`` (of the function; default that of the client), ``trigger_namespace``.
    """
    given = {**(spec or {}), **fields}
    if given.get("id") is None:
        given["id"] = str(uuid4())
    return RegisterTrigger(
        id=_identifier(given, "id"),
        trigger_type=_identifier(given, "type" if "type" in given else "trigger_type"),
        function_id=_identifier(given, "function_id"),
        config=given.get("config"),
        metadata=given.get("metadata"),
        namespace=given.get("namespace", namespace),
        trigger_namespace=given.get("trigger_namespace"),
    )


def trigger_type_message(spec: Spec, fields: Spec) -> RegisterTriggerType:
    """Return the registration of a trigger type: ``id``, ``description`` and the two formats."""
    given = {**spec, **fields}
    return RegisterTriggerType(
        id=_identifier(given, "id"),
        # The reference engine drops the frame when there is no description at all.
        description=given.get("description") or given["id"],
        trigger_request_format=given.get("trigger_request_format"),
        call_request_format=given.get("call_request_format"),
        namespace=given.get("namespace"),
    )


def call_message(
    function_id: str,
    data: Any,
    *,
    invocation_id: str | None,
    namespace: str | None,
    metadata: Any,
) -> InvokeFunction:
    """Return a call; without an ``invocation_id`` it is one whose outcome nobody wants."""
    try:
        payload = Raw(to_json(data))
    except NOT_JSON as error:
        raise InvalidArguments(f"The data for {function_id} is not JSON: {error}") from error
    return InvokeFunction(
        function_id=_identifier({"function_id": function_id}, "function_id"),
        data=payload,
        invocation_id=invocation_id,
        action=None if invocation_id else Action(type="void"),
        traceparent=current_traceparent() or None,
        metadata=metadata,
        # The engine's own functions live in the default namespace only.
        namespace=None if function_id.startswith("engine::") else namespace,
    )


def frame_of(message: Message) -> str:
    """Return ``message`` as a frame; raise InvalidArguments if something in it is not JSON."""
    try:
        return encode(message)
    except NOT_JSON as error:
        raise InvalidArguments(f"Not JSON: {error}") from error


def _identifier(given: Spec, key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidArguments(f"{key} must be a non-empty string, not {value!r}")
    return value
