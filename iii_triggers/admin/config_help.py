"""What the trigger form tells about a trigger type, read from its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from iii_triggers.models import TriggerType
from iii_triggers.trigger_types.validation import builtin_trigger_types

from .formatting import pretty_json
from .schema_form.texts import plain, shown

MAX_KEYS = 50
MAX_NAME = 100
MAX_EXAMPLE = 5000
MAX_CHOICES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a trigger type is looked for.

    ``provider_namespace`` is where it must be; "" looks in ``namespace``, then in default.
    """

    type_id: str
    namespace: str = "default"
    provider_namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey:
    """One key: its JSON type, whether it must be there, and what it is for."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeHelp:
    """A trigger type as the form explains it; ``example`` is a config, {} for none."""

    type_id: str
    description: str
    schema: Any
    keys: list[ConfigKey]
    example: dict[str, Any]

    @property
    def example_text(self) -> str:
        """The example as JSON; nothing for none."""
        return pretty_json(self.example) if self.example else ""


def config_help(place: Place) -> TypeHelp | None:
    """Return the help on a trigger type; None for a type that nobody knows."""
    found = _find(place)
    return None if found is None else help_on(place.type_id, *found)


def help_on(type_id: str, description: str, schema: Any) -> TypeHelp:
    """Return the help on a trigger type, of whose schema nothing is taken for granted."""
    rules = schema if isinstance(schema, dict) else {}
    properties = _mapping(rules.get("properties"))
    required = _names(rules.get("required"))
    return TypeHelp(
        type_id=plain(type_id),
        description=plain(description),
        schema=schema,
        keys=list(_keys(properties, required)),
        example=_example(rules, properties, required),
    )


def _find(place: Place) -> tuple[str, Any] | None:
    """Return description and schema of a type, found as when a config is checked."""
    builtin = builtin_trigger_types().get(place.type_id)
    if builtin is not None and place.provider_namespace in ("", "default"):
        return builtin.description, builtin.config_schema
    named = [place.provider_namespace] if place.provider_namespace else [place.namespace, "default"]
    namespaces = [name for name in named if "\0" not in name]
    rows = TriggerType.objects.filter(type_id=place.type_id, namespace__in=namespaces)
    facts = {
        row[0]: row[1:] for row in rows.values_list("namespace", "description", "config_schema")
    }
    return next((facts[name] for name in namespaces if name in facts), None)


def _keys(properties: Mapping[str, Any], required: set[str]) -> Iterator[ConfigKey]:
    for name, rule in islice(properties.items(), MAX_KEYS):
        yield _key(name, _mapping(rule), required=name in required)


def _example(
    rules: Mapping[str, Any], properties: Mapping[str, Any], required: set[str]
) -> dict[str, Any]:
    whole = _last_example(rules)
    parts = {
        name: example
        for name, rule in islice(properties.items(), MAX_KEYS)
        if name in required and (example := _last_example(rule)) is not None
    }
    example = whole if isinstance(whole, dict) else parts
    return example if _is_short(example) else {}


def _is_short(example: Any) -> bool:
    try:
        return len(pretty_json(example)) <= MAX_EXAMPLE
    except RecursionError:
        return False


def _key(name: str, rule: Mapping[str, Any], *, required: bool) -> ConfigKey:
    kind = rule.get("type", "")
    description = plain(rule.get("description") or rule.get("title"))
    choices = rule.get("enum")
    if isinstance(choices, list):
        description = f"{description} ({', '.join(map(shown, choices[:MAX_CHOICES]))})".strip()
    return ConfigKey(
        name=plain(name, length=MAX_NAME),
        type=" | ".join(map(shown, kind[:MAX_CHOICES])) if isinstance(kind, list) else plain(kind),
        required=required,
        description=description,
    )


def _last_example(rule: Any) -> Any:
    examples = rule.get("examples") if isinstance(rule, dict) else None
    return examples[-1] if isinstance(examples, list) and examples else None


def _names(listed: Any) -> set[str]:
    return {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
