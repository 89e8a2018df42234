"""The shape of a config file: which keys there are, and what each may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from iii_triggers.conf import settings
from iii_triggers.engine.registrations import is_id
from iii_triggers.protocol.errors import IiiError
from iii_triggers.protocol.json_values import check_json

from .values import SOURCES, VERSION

Check = Callable[[Any], str | None]
"""Says what is wrong with a value; None for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An object of the file."""

    checks: Mapping[str, Check]
    """The keys there are, in the order they are written."""
    required: frozenset[str] = frozenset()


def _id(value: Any) -> str | None:
    if isinstance(value, str) and is_id(value):
        return None
    return f"It must be text of 1 to {settings.III_MAX_ID_LENGTH} characters."


def _id_or_nothing(value: Any) -> str | None:
    return None if value == "" else _id(value)


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "It must be text."


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "It must be true or false."


def _json(value: Any) -> str | None:
    try:
        check_json(value)
    except IiiError as error:
        return error.message
    return None


def _list(value: Any) -> str | None:
    return None if isinstance(value, list) else "It must be a list."


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else "It must be an object."


def _version(value: Any) -> str | None:
    is_ours = value == VERSION and not isinstance(value, bool)
    return None if is_ours else f"This version of iii-triggers reads version {VERSION}."


def _source(value: Any) -> str | None:
    return None if value in SOURCES else f"It must be one of: {', '.join(SOURCES)}."


def _sources(value: Any) -> str | None:
    if isinstance(value, list) and value and all(item in SOURCES for item in value):
        return None
    return f"It must be a list of: {', '.join(SOURCES)}."


def _namespaces(value: Any) -> str | None:
    if value is None or (isinstance(value, list) and value and not any(map(_id, value))):
        return None
    return "It must be a list of namespaces, or left out for all of them."


FILE = Shape(
    checks={"version": _version, "manages": _object, "trigger_types": _list, "triggers": _list},
    required=frozenset({"version"}),
)
MANAGES = Shape(checks={"sources": _sources, "namespaces": _namespaces})
TYPE = Shape(
    checks={
        "id": _id,
        "namespace": _id,
        "description": _text,
        "config_schema": _json,
        "call_schema": _json,
    },
    required=frozenset({"id"}),
)
TRIGGER = Shape(
    checks={
        "id": _id,
        "namespace": _id,
        "trigger_type": _id,
        "provider_namespace": _id_or_nothing,
        "function_id": _id,
        "enabled": _flag,
        "source": _source,
        "config": _json,
        "metadata": _json,
    },
    required=frozenset({"id", "trigger_type", "function_id"}),
)
