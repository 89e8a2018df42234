"""From a schema to the plan of its form, however odd the schema is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from .choices import choices_of
from .kinds import kind_of, limits_of, list_kind, type_of
from .nodes import Node, Plan
from .references import References
from .texts import plain, shown

MAX_KEYS = 50
"""Keys with a field, groups included: a page of more is no help."""
MAX_NAMED = 10_000
MAX_KEY = 100
MAX_DEPTH = 3
MAX_EXAMPLES = 3


def read_schema(schema: Any) -> Plan | None:
    """Return the form of ``schema``; None if it names no keys, so that there is nothing to show."""
    reader = _Reader(schema)
    root = reader.references.resolve(schema)
    properties = root.get("properties")
    if not isinstance(properties, dict):
        return None
    nodes = reader.nodes(root, ())
    return Plan(nodes=nodes, keys=frozenset(properties), omitted=reader.omitted)


class _Reader:
    def __init__(self, schema: Any) -> None:
        self.references = References(schema)
        self.omitted = 0
        self._left = MAX_KEYS

    def nodes(self, rule: Mapping[str, Any], path: tuple[str, ...]) -> tuple[Node, ...]:
        """Return the nodes of the keys of an object, those that must be there first."""
        properties, required = rule["properties"], _required(rule)
        named = list(islice(properties, MAX_NAMED))
        shown_keys = sorted(filter(_is_showable, named), key=lambda key: key not in required)
        shown_keys = shown_keys[: self._left]
        self._left -= len(shown_keys)
        self.omitted += len(properties) - len(shown_keys)
        return tuple(
            self._node(properties[key], (*path, key), required=key in required)
            for key in shown_keys
        )

    def _node(self, raw: Any, path: tuple[str, ...], *, required: bool) -> Node:
        rule = self.references.resolve(raw)
        common: dict[str, Any] = {
            "path": path,
            "title": plain(rule.get("title"), length=MAX_KEY) or path[-1],
            "description": plain(rule.get("description")),
            "required": required,
            "limits": limits_of(rule),
            "default": shown(rule["default"]) if rule.get("default") is not None else "",
            "default_value": rule.get("default"),
            "examples": _examples(rule),
        }
        return Node(**common, **self._kind(rule, path))

    def _kind(self, rule: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        kind = kind_of(rule)
        if kind == "choice":
            return {"kind": kind, "choices": choices_of(rule)}
        if kind == "group":
            return self._group(rule, path)
        if type_of(rule) == "array":
            items = self.references.resolve(rule.get("items"))
            kind, of_items = list_kind(items)
            choices = choices_of(items) if kind == "choices" else ()
            return {"kind": kind, "items": of_items, "choices": choices}
        return {"kind": kind}

    def _group(self, rule: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        """Return a group, if it is not too deep and there is room for its keys."""
        children = self.nodes(rule, path) if len(path) <= MAX_DEPTH else ()
        return {"kind": "group", "children": children} if children else {"kind": "json"}


def _required(rule: Mapping[str, Any]) -> set[str]:
    listed = rule.get("required")
    named = listed[:MAX_NAMED] if isinstance(listed, list) else []
    return {key for key in named if isinstance(key, str)}


def _is_showable(key: Any) -> bool:
    return isinstance(key, str) and 0 < len(key) <= MAX_KEY and key.isprintable()


def _examples(rule: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the beginning of the examples; there is no need for those of yes and no."""
    listed = rule.get("examples")
    if not isinstance(listed, list) or type_of(rule) == "boolean":
        return ()
    return tuple(map(shown, listed[:MAX_EXAMPLES]))
