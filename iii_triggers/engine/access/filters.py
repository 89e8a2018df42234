"""Filters of ``expose_functions``: which functions a session may call, by id or by metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iii_triggers.protocol.errors import IiiError

from .wildcards import matches, pattern_of, written_pattern

FILTER_KEYS = frozenset({"match", "metadata", "namespace"})
MAX_LENGTH = 1000


class InvalidRules(IiiError):
    """The rules of access have the wrong shape."""

    code = "invalid_access_rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposeFilter:
    """Functions of one namespace whose id, or whose metadata, fits."""

    match: str | None = None
    """A pattern; None for a filter of metadata."""
    metadata: tuple[tuple[str, Any], ...] = ()
    namespace: str = "default"

    def fits_id(self, namespace: str, function_id: str) -> bool:
        """Tell whether the filter exposes a function because of its id."""
        return (
            self.match is not None
            and namespace == self.namespace
            and matches(self.match, function_id)
        )

    def fits_metadata(self, namespace: str, metadata: Any) -> bool:
        """Tell whether the filter exposes a function registered with ``metadata``."""
        return (
            self.match is None
            and namespace == self.namespace
            and isinstance(metadata, dict)
            and all(key in metadata and _fits(want, metadata[key]) for key, want in self.metadata)
        )


def read_filters(value: Any) -> tuple[ExposeFilter, ...]:
    """Return the filters of a list. Raise InvalidRules."""
    if not isinstance(value, (list, tuple)):
        raise InvalidRules("expose_functions must be a list of filters")
    return tuple(read_filter(item) for item in value)


def read_filter(value: Any) -> ExposeFilter:
    """Return ``match("...")``, ``{"match": ...}`` or ``{"metadata": {...}}`` as a filter.

    Raise InvalidRules.
    """
    if isinstance(value, str):
        pattern = written_pattern(value)
        if pattern is None:
            raise InvalidRules(f'the filter {value!r} must be written match("...")')
        return ExposeFilter(match=_pattern(pattern))
    if not isinstance(value, Mapping):
        raise InvalidRules(f"the filter {value!r} must be a string or an object")
    unknown = sorted(map(str, value.keys() - FILTER_KEYS))
    if unknown:
        raise InvalidRules(f"a filter has no key {', '.join(unknown)}")
    return _filter_of(value)


def _filter_of(value: Mapping[str, Any]) -> ExposeFilter:
    match, metadata = value.get("match"), value.get("metadata")
    if (match is None) == (metadata is None):
        raise InvalidRules("a filter has either match or metadata")
    namespace = value.get("namespace") or "default"
    if not isinstance(namespace, str):
        raise InvalidRules("the namespace of a filter must be a string")
    if match is not None:
        return ExposeFilter(match=_pattern(match), namespace=namespace)
    if not isinstance(metadata, Mapping) or not metadata:
        raise InvalidRules("the metadata of a filter must be an object with at least one key")
    return ExposeFilter(metadata=tuple(metadata.items()), namespace=namespace)


def read_ids(value: Any, what: str) -> tuple[str, ...]:
    """Return a list of ids, or of patterns. Raise InvalidRules."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if not is_list or not all(isinstance(item, str) and item.strip() for item in value):
        raise InvalidRules(f"{what} must be a list of strings")
    return tuple(value)


def _pattern(text: Any) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_LENGTH:
        raise InvalidRules(f"match must be a pattern of 1 to {MAX_LENGTH} characters")
    return pattern_of(text)


def _fits(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, str):
        pattern = written_pattern(wanted)
        if pattern is not None:
            return isinstance(value, str) and matches(pattern, value)
    return _is_same_json(wanted, value)


def _is_same_json(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1, and a key or an item more makes a difference."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            _is_same_json(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_is_same_json, one, other))
    return bool(one == other)
