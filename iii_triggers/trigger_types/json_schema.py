"""JSON Schemas that workers and people wrote, used without trusting them.

A schema never makes this process fetch a URL, and regular expressions in it are not run: one
that never ends would stop the site. So ``pattern``, ``patternProperties`` and
``unevaluatedProperties`` are not enforced. A few references can also ask for more steps than a
lifetime has, so checking ends after ``BUDGET_S`` of this thread's processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from threading import local
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from iii_triggers.protocol.errors import InvalidConfig

MAX_MESSAGE = 300
BUDGET_S = 3.0

_clock = local()
_encoder = msgspec.json.Encoder(order="sorted")


class _TooLong(Exception):
    """It takes too long to check."""


# What the library lets through of schemas that are broken where its own check does not look.
_UNUSABLE = (
    ArithmeticError,
    AttributeError,
    RecursionError,
    TypeError,
    Unresolvable,
    ValueError,
    _TooLong,
)


def check_schema(schema: Any) -> None:
    """Raise InvalidConfig unless ``schema`` is a JSON Schema (an object)."""
    if not isinstance(schema, dict):
        raise InvalidConfig("A schema must be a JSON object.")
    try:
        draft = _draft(schema)
        with _budget():
            error = best_match(_safe(draft)(draft.META_SCHEMA).iter_errors(schema))
    except _UNUSABLE as broken:
        raise InvalidConfig(_first_line(broken)) from broken
    if error is not None:
        raise InvalidConfig(_message(error), field=_field(error))


def check_value(value: Any, schema: Mapping[str, Any]) -> None:
    """Raise InvalidConfig (``field`` is the top-level key at fault) unless ``schema`` allows it."""
    try:
        check_schema(schema)
        validator = _safe(_draft(schema))(schema, registry=Registry())
        with _budget():
            error = best_match(validator.iter_errors(value))
    except (InvalidConfig, *_UNUSABLE) as broken:
        reason = _first_line(broken)
        raise InvalidConfig(f"The schema of the trigger type cannot be used: {reason}") from broken
    if error is not None:
        raise InvalidConfig(_message(error), field=_field(error))


def _draft(schema: Mapping[str, Any]) -> type[Validator]:
    """Return the validator of the draft that ``$schema`` names; the newest for an unknown one."""
    return validator_for(schema, default=Draft202012Validator)


@lru_cache
def _safe(draft: type[Validator]) -> type[Validator]:
    """Return the validator of a draft without what a stranger could stop the site with."""
    rules: dict[str, Any] = {
        **draft.VALIDATORS,
        "pattern": _allow,
        "patternProperties": _allow,
        "unevaluatedProperties": _allow,
        "additionalProperties": _additional_properties(draft),
        "uniqueItems": _unique_items,
    }
    limited = {keyword: _limited(rule) for keyword, rule in rules.items()}
    safe: Any = extend(draft, limited)  # type: ignore[no-untyped-call]
    safe.evolve = _evolve
    checked: type[Validator] = safe
    return checked


def _evolve(self: Any, **changes: Any) -> Any:
    """Stay what it is within a schema: the library takes its own validator at any ``$schema``."""
    for field in type(self).__attrs_attrs__:
        if field.init:
            changes.setdefault(field.alias, getattr(self, field.name))
    return type(self)(**changes)


@contextmanager
def _budget() -> Iterator[None]:
    """Let what is checked inside take so long, and no longer."""
    _clock.deadline = time.thread_time() + BUDGET_S
    try:
        yield
    finally:
        del _clock.deadline


def _limited(rule: Callable[..., Any]) -> Callable[..., Iterator[ValidationError]]:
    def validate(*arguments: Any) -> Iterator[ValidationError]:
        if time.thread_time() > _clock.deadline:
            raise _TooLong("It takes too long to check.")
        yield from rule(*arguments) or ()

    return validate


def _unique_items(validator: Any, wanted: Any, items: Any, schema: Any) -> Iterator[Any]:
    """Compare texts: the library compares every item with every other."""
    if wanted and isinstance(items, list) and len({*map(_text_of, items)}) < len(items):
        yield ValidationError("has non-unique elements")


def _text_of(item: Any) -> bytes:
    is_whole = isinstance(item, float) and item.is_integer()
    return _encoder.encode(int(item) if is_whole else item)


def _allow(*_args: Any) -> Iterator[ValidationError]:
    return iter(())


def _additional_properties(draft: Any) -> Any:
    original = draft.VALIDATORS["additionalProperties"]

    def validate(validator: Any, allowed: Any, instance: Any, schema: Any) -> Any:
        """Which keys are additional is not known where regular expressions name the others."""
        if "patternProperties" in schema:
            return iter(())
        return original(validator, allowed, instance, schema)

    return validate


def _field(error: ValidationError | SchemaError) -> str:
    if error.absolute_path:
        return str(error.absolute_path[0])
    required = error.validator_value if error.validator == "required" else None
    if isinstance(required, list) and isinstance(error.instance, Mapping):
        return str(next((key for key in required if key not in error.instance), ""))
    return ""


def _message(error: ValidationError | SchemaError) -> str:
    message = error.message
    if len(message) > MAX_MESSAGE:
        message = message[:MAX_MESSAGE] + "…"
    path = ".".join(str(part) for part in error.absolute_path)
    return f"{path}: {message}" if path else message


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
