"""Asks the auth function of a listener who connects (protocol reference, section 9.1)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from iii_triggers.protocol.errors import (
    AuthenticationFailed,
    ChannelSendFailed,
    FunctionNotFound,
    IiiError,
    InvocationStopped,
    InvocationTimeout,
)
from iii_triggers.protocol.text import one_line

from .hooks import ask
from .reading import rules_of_answer

if TYPE_CHECKING:
    from iii_triggers.engine.core import Engine

    from .listeners import Listener
    from .rules import Rules

logger = logging.getLogger(__name__)

AWAY = (FunctionNotFound, InvocationStopped, InvocationTimeout, ChannelSendFailed)


class AuthFunctionAway(IiiError):
    """The auth function is not there now."""

    code = "auth_function_away"


async def authenticate(engine: Engine, listener: Listener, scope: Mapping[str, Any]) -> Rules:
    """Return the rules of who connects.

    Raise AuthenticationFailed if the auth function does not let them in, and AuthFunctionAway if
    it cannot be asked: whoever connects shall try again.
    """
    try:
        answer = await ask(engine, listener.auth_function, request_of(scope))
    except AWAY as error:
        raise AuthFunctionAway(error.message) from error
    except IiiError as error:
        # What a function failed with is not for strangers to read.
        logger.warning("The auth function refused: %s", one_line(error.message))
        raise AuthenticationFailed("The auth function did not let you in.") from error
    return rules_of_answer(listener.rules, answer)


def request_of(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"headers": {str: str}, "query_params": {str: [str]}, "ip_address": str}``.

    Of a header that comes twice the last one counts; query values are as they came.
    """
    client = scope.get("client")
    return {
        "headers": dict(_headers(scope.get("headers", ()))),
        "query_params": _query(bytes(scope.get("query_string", b""))),
        "ip_address": str(client[0]) if client else "",
    }


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        try:
            yield name.decode().lower(), value.decode()
        except UnicodeDecodeError:
            continue


def _query(query_string: bytes) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for part in query_string.decode("latin-1").split("&"):
        name, _, value = part.partition("=")
        if name:
            values.setdefault(name, []).append(value)
    return values
