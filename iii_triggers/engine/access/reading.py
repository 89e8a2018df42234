"""Rules from what people and functions write: settings, rows of tokens, auth functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from iii_triggers.protocol.errors import AuthenticationFailed

from .filters import InvalidRules, read_filters, read_ids
from .rules import Hooks, Rules

if TYPE_CHECKING:
    from iii_triggers.models import WorkerToken

MAX_PREFIX = 100


class AuthResult(msgspec.Struct):
    """What an auth function returns; null is the same as absent (section 9.1)."""

    allowed_functions: list[str] | None = None
    forbidden_functions: list[str] | None = None
    allowed_trigger_types: list[str] | None = None
    allow_trigger_type_registration: bool | None = None
    allow_function_registration: bool | None = None
    context: dict[str, Any] | None = None
    function_registration_prefix: str | None = None
    namespaces: dict[str, list[str]] | None = None


def rules_of_answer(listener: Rules, answer: Any) -> Rules:
    """Return the rules of a connection that an auth function let in.

    ``listener`` are those of everybody there. Raise AuthenticationFailed for another shape.
    """
    try:
        if not isinstance(answer, dict):
            raise InvalidRules("it did not return an object")
        result = msgspec.convert(answer, AuthResult)
        prefix = read_prefix(result.function_registration_prefix or "")
    except (msgspec.ValidationError, InvalidRules) as error:
        raise AuthenticationFailed(f"The auth function did not let you in: {error}.") from error
    types = result.allowed_trigger_types
    return replace(
        listener,
        allowed_functions=frozenset(result.allowed_functions or ()),
        forbidden_functions=tuple(result.forbidden_functions or ()),
        allowed_trigger_types=None if types is None else frozenset(types),
        allow_trigger_type_registration=bool(result.allow_trigger_type_registration),
        allow_function_registration=result.allow_function_registration is not False,
        context=result.context or {},
        function_prefix=prefix,
        namespaces={name: tuple(ids) for name, ids in (result.namespaces or {}).items()},
    )


def rules_of_token(row: WorkerToken) -> Rules:
    """Return the rules of a token. Raise InvalidRules, naming the field."""
    types = row.allowed_trigger_types
    if not isinstance(row.context, dict):
        raise InvalidRules("context must be an object")
    return Rules(
        restricts_calls=row.restrict_calls,
        expose_functions=read_filters(row.expose_functions),
        allowed_functions=frozenset(read_ids(row.allowed_functions, "allowed_functions")),
        forbidden_functions=read_ids(row.forbidden_functions, "forbidden_functions"),
        namespaces=read_namespaces(row.namespaces),
        allow_function_registration=row.allow_function_registration,
        function_prefix=read_prefix(row.function_registration_prefix),
        allowed_trigger_types=(
            None if types is None else frozenset(read_ids(types, "allowed_trigger_types"))
        ),
        allow_trigger_type_registration=row.allow_trigger_type_registration,
        middleware=row.middleware_function_id,
        hooks=Hooks(
            function=row.on_function_registration_function_id,
            trigger=row.on_trigger_registration_function_id,
            trigger_type=row.on_trigger_type_registration_function_id,
        ),
        context=row.context,
    )


def read_namespaces(value: Any) -> dict[str, tuple[str, ...]]:
    """Return the functions allowed in each namespace. Raise InvalidRules."""
    if not isinstance(value, Mapping) or not all(isinstance(n, str) and n.strip() for n in value):
        raise InvalidRules("namespaces must be an object: namespace to a list of functions")
    return {name: read_ids(ids, f"namespaces.{name}") for name, ids in value.items()}


def read_prefix(value: str) -> str:
    """Return a function prefix. Raise InvalidRules if ids with it could be the engine's own."""
    if not value:
        return ""
    reserved = value.startswith(("engine::", "engine.")) or value == "engine"
    if reserved or value != value.strip() or "\0" in value or len(value) > MAX_PREFIX:
        raise InvalidRules(f"{value!r} cannot be a function prefix")
    return value
