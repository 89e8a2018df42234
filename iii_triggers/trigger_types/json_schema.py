"""JSON Schemas that workers and people wrote, used without trusting them.

A schema never makes this process fetch a URL, and regular expressions in it are not run: one
that never ends would stop the site. So ``pattern``, ``patternProperties`` and
``unevaluatedProperties`` are not enforced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from iii_triggers.protocol.errors import InvalidConfig

MAX_MESSAGE = 300

# What the library lets through of schemas that are broken where its own check does not look.
_UNUSABLE = (ArithmeticError, AttributeError, RecursionError, TypeError, Unresolvable, ValueError)


def check_schema(schema: Any) -> None:
    """Raise InvalidConfig unless ``schema`` is a JSON Schema (an object)."""
    if not isinstance(schema, dict):
        raise InvalidConfig("A schema must be a JSON object.")
    try:
        _draft(schema).check_schema(schema)
    except SchemaError as error:
        raise InvalidConfig(_message(error), field=_field(error)) from error
    except _UNUSABLE as error:
        raise InvalidConfig(_first_line(error)) from error


def check_value(value: Any, schema: Mapping[str, Any]) -> None:
    """Raise InvalidConfig (``field`` is the top-level key at fault) unless ``schema`` allows it."""
    try:
        check_schema(schema)
        error = best_match(_validator(schema).iter_errors(value))
    except (InvalidConfig, *_UNUSABLE) as broken:
        reason = _first_line(broken)
        raise InvalidConfig(f"The schema of the trigger type cannot be used: {reason}") from broken
    if error is not None:
        raise InvalidConfig(_message(error), field=_field(error))


def _draft(schema: Mapping[str, Any]) -> type[Validator]:
    """Return the validator of the draft that ``$schema`` names; the newest for an unknown one."""
    return validator_for(schema, default=Draft202012Validator)


def _validator(schema: Mapping[str, Any]) -> Validator:
    draft = _draft(schema)
    rules = {
        "pattern": _allow,
        "patternProperties": _allow,
        "unevaluatedProperties": _allow,
        "additionalProperties": _additional_properties(draft),
    }
    without_regex: type[Validator] = extend(draft, rules)  # type: ignore[no-untyped-call]
    return without_regex(schema, registry=Registry())


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
