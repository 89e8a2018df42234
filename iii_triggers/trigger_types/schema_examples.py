"""Examples made from JSON Schemas, which strangers may have written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 8
MAX_PARTS = 200
"""Schemas looked at for one example: a few references can ask for more than a lifetime has."""

_BY_TYPE = {"string": "", "integer": 0, "number": 0, "boolean": False}


def example_of(schema: Any) -> Any:
    """Return a JSON value that ``schema`` describes, as far as its examples and defaults tell.

    What cannot be told is null. It is there to be edited, not promised to be valid.
    """
    return _Maker(root=schema).example(schema, MAX_DEPTH)


@dataclass(slots=True, kw_only=True)
class _Maker:
    root: Any
    left: int = MAX_PARTS

    def example(self, schema: Any, depth: int) -> Any:
        self.left -= 1
        if not isinstance(schema, dict) or depth == 0 or self.left < 0:
            return None
        for given in _given(schema):
            return given
        for part in self._alternatives(schema):
            return self.example(part, depth - 1)
        return self._by_type(schema, depth)

    def _by_type(self, schema: dict[str, Any], depth: int) -> Any:
        kind = _type_of(schema)
        if kind == "object":
            properties = schema.get("properties")
            known = properties if isinstance(properties, dict) else {}
            return {str(key): self.example(part, depth - 1) for key, part in known.items()}
        if kind == "array":
            return [self.example(schema["items"], depth - 1)] if schema.get("items") else []
        return schema.get("minimum", _BY_TYPE.get(kind)) if isinstance(kind, str) else None

    def _alternatives(self, schema: dict[str, Any]) -> Iterator[Any]:
        if isinstance(schema.get("$ref"), str):
            yield self._referred(schema["$ref"])
        for keyword in ("oneOf", "anyOf", "allOf"):
            parts = schema.get(keyword)
            # Beside properties they only say which of those must be there.
            if isinstance(parts, list) and parts and "properties" not in schema:
                yield next((part for part in parts if _says_something(part)), parts[0])

    def _referred(self, reference: str) -> Any:
        """Return the part of this schema that is meant; nothing is fetched."""
        part = self.root
        for name in reference.removeprefix("#").strip("/").split("/"):
            part = part.get(name) if isinstance(part, dict) else None
        return part


def _given(schema: dict[str, Any]) -> Iterator[Any]:
    """Return what the schema itself says a value may be, best first."""
    for keyword in ("examples", "enum"):
        values = schema.get(keyword)
        if isinstance(values, list) and values:
            yield values[0]
    for keyword in ("default", "const"):
        if keyword in schema:
            yield schema[keyword]


def _type_of(schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), None)
    return "object" if kind is None and "properties" in schema else kind


def _says_something(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") != "null"
