"""JSON as text of a config file."""

from __future__ import annotations

import json
from typing import Any

from .documents import Document
from .problems import ConfigFileError


def read_json(text: str) -> Document:
    """Return what the text says. Raise ConfigFileError if it is not JSON, or repeats a key."""
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        reason = f"This is not valid JSON: {error.msg} (column {error.colno})."
        raise ConfigFileError.of(reason, line=error.lineno) from error
    except RecursionError as error:
        raise ConfigFileError.of("It is nested too deeply.") from error
    except ValueError as error:
        raise ConfigFileError.of(f"This is not valid JSON: {error}") from error
    return Document(value=value)


def write_json(value: Any) -> str:
    """Return the text of a value, a line for each part."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {key!r} is there twice in one object.")
        values[key] = value
    return values


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON.")
