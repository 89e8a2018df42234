"""The config keys of trigger types, read from their schemas for the trigger form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iii_triggers.models import TriggerType
from iii_triggers.trigger_types.validation import builtin_trigger_types

from .formatting import cut, pretty_json

MAX_TYPES = 50
MAX_KEYS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey:
    """One key: its JSON type, whether it must be there, and what it is for."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeHelp:
    """A trigger type as the form explains it; ``example`` is a config in JSON, or nothing."""

    type_id: str
    description: str
    keys: list[ConfigKey]
    example: str


def config_help(type_id: str | None) -> list[TypeHelp]:
    """Return the help on ``type_id``, or on every type that has a schema."""
    schemas: dict[str, tuple[str, Any]] = {}
    rows = TriggerType.objects.filter(type_id=type_id) if type_id else TriggerType.objects.all()
    for row in rows.exclude(config_schema=None)[:MAX_TYPES]:
        schemas[row.type_id] = (row.description, row.config_schema)
    for registrator in builtin_trigger_types().values():
        if type_id in (None, "", registrator.id, *registrator.aliases):
            schemas[registrator.id] = (registrator.description, registrator.config_schema)
    return [
        _help(known_id, description, schema)
        for known_id, (description, schema) in sorted(schemas.items())
        if isinstance(schema, dict)
    ]


def _help(type_id: str, description: str, schema: Mapping[str, Any]) -> TypeHelp:
    properties = _mapping(schema.get("properties"))
    listed = schema.get("required")
    required = listed if isinstance(listed, list) else []
    keys = [
        _key(name, _mapping(rule), required=name in required)
        for name, rule in list(properties.items())[:MAX_KEYS]
    ]
    example = schema["examples"][-1] if _has_examples(schema) else _example(properties, required)
    return TypeHelp(
        type_id=type_id,
        description=description,
        keys=keys,
        example=pretty_json(example) if example else "",
    )


def _example(properties: Mapping[str, Any], required: list[Any]) -> dict[str, Any]:
    return {
        name: rule["examples"][-1]
        for name, rule in properties.items()
        if name in required and isinstance(rule, dict) and _has_examples(rule)
    }


def _key(name: str, rule: Mapping[str, Any], *, required: bool) -> ConfigKey:
    kind = rule.get("type", "")
    description = str(rule.get("description") or rule.get("title") or "")
    choices = rule.get("enum")
    if isinstance(choices, list):
        description = f"{description} ({', '.join(map(str, choices))})".strip()
    return ConfigKey(
        name=name,
        type=" | ".join(map(str, kind)) if isinstance(kind, list) else str(kind),
        required=required,
        description=cut(description, length=300),
    )


def _has_examples(rule: Mapping[str, Any]) -> bool:
    return isinstance(rule.get("examples"), list) and bool(rule["examples"])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
