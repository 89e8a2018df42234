"""Reads what workers register into values, and refuses what cannot be kept.

The checks of protocol reference, sections 3.1, 3.3 and 3.6, that need nothing but the message.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iii_triggers.conf import settings
from iii_triggers.protocol import messages as m
from iii_triggers.protocol.errors import InvalidNamespace, LimitExceeded
from iii_triggers.protocol.json_values import check_json
from iii_triggers.protocol.text import without_nul

from .connections import WorkerConnection
from .functions import FunctionInfo
from .http_functions.invocations import HttpInvocation, invocation_of
from .http_functions.keys import read_key
from .http_functions.urls import check_url
from .trigger_values import Trigger, TriggerTypeEntry

if TYPE_CHECKING:
    from iii_triggers.trigger_types.base import TriggerRegistrator


def function_of(connection: WorkerConnection, message: m.RegisterFunction) -> FunctionInfo:
    """Return the function that is offered. Raise LimitExceeded or InvalidArguments."""
    if not is_id(message.id):
        raise LimitExceeded("The function id is empty or too long.")
    check_json(message.request_format)
    check_json(message.response_format)
    check_json(message.metadata)
    return FunctionInfo(
        function_id=message.id,
        namespace=connection.namespace,
        description=message.description and without_nul(message.description),
        request_format=message.request_format,
        response_format=message.response_format,
        metadata=message.metadata,
    )


def http_function_of(
    info: FunctionInfo, message: m.RegisterFunction
) -> tuple[FunctionInfo, HttpInvocation | None]:
    """Return the function with what may be shown of its ``invocation``, and how to call it.

    What DNS says is looked at when it is called. Raise InvalidInvocation, UrlRefused,
    SecretNotFound, TokenNotFound or ApiKeyNotFound.
    """
    if message.invocation is None:
        return info, None
    http = invocation_of(message.invocation)
    check_url(http.url)
    if http.auth is not None:
        read_key(http.auth)
    return replace(info, invocation=http.described()), http


def trigger_of(connection: WorkerConnection, message: m.RegisterTrigger) -> Trigger:
    """Return the trigger that is bound.

    Raise InvalidNamespace, LimitExceeded or InvalidArguments.
    """
    namespaces = [n for n in (message.namespace, message.trigger_namespace) if n is not None]
    if not all(namespace.strip() for namespace in namespaces):
        raise InvalidNamespace()
    ids = (message.id, message.trigger_type, message.function_id, *namespaces)
    if not all(is_id(id_) for id_ in ids):
        raise LimitExceeded(
            "An id or a namespace is empty, holds a NUL character "
            f"or is over {settings.III_MAX_ID_LENGTH} characters."
        )
    check_json(message.config)
    check_json(message.metadata)
    return Trigger(
        id=message.id,
        trigger_type=message.trigger_type,
        function_id=message.function_id,
        config=message.config,
        metadata=message.metadata,
        namespace=message.namespace or "default",
        provider_namespace=message.trigger_namespace,
        worker=connection,
    )


def trigger_type_of(
    connection: WorkerConnection, message: m.RegisterTriggerType, registrator: TriggerRegistrator
) -> TriggerTypeEntry:
    """Return the trigger type that is provided. Raise LimitExceeded or InvalidArguments."""
    namespace = message.namespace if message.namespace is not None else connection.namespace
    if not is_id(message.id) or not is_id(namespace):
        raise LimitExceeded("The trigger type id or its namespace is empty or too long.")
    check_json(message.trigger_request_format)
    check_json(message.call_request_format)
    return TriggerTypeEntry(
        id=message.id,
        namespace=namespace,
        registrator=registrator,
        worker=connection,
        description=without_nul(message.description or ""),
        config_schema=message.trigger_request_format,
        call_schema=message.call_request_format,
    )


def is_id(value: str) -> bool:
    """Tell whether an id or a namespace can be stored: not blank, not too long, without NUL."""
    return bool(value.strip()) and len(value) <= settings.III_MAX_ID_LENGTH and "\0" not in value
