"""A rule of a schema with what it refers to put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any
from urllib.parse import unquote

MAX_STEPS = 500
"""References may lead in circles, or to more rules than there is time for."""
MAX_HOPS = 16
MAX_DEPTH = 8
MAX_BRANCHES = 20
MAX_JOINED = 1000

Rule = Mapping[str, Any]


class References:
    """Follows references within one schema, so far and no further; it never fetches anything."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._steps = MAX_STEPS
        self._depth = 0

    def resolve(self, rule: Any) -> Rule:
        """Return ``rule`` with ``$ref``, ``allOf`` and "or null" worked in; {} if that fails.

        What stands beside a reference wins over what is found there.
        """
        result: Rule = {}
        for _hop in range(MAX_HOPS):
            if not isinstance(rule, dict) or self._steps == 0:
                break
            self._steps -= 1
            rest, rule = self._step(rule)
            result = _joined(rest, result)
        return result

    def _step(self, rule: Rule) -> tuple[Rule, Any]:
        """Return what the rule says itself, and the rule that it leads to."""
        if "$ref" in rule:
            return _without(rule, "$ref"), self._at(rule["$ref"])
        if isinstance(rule.get("allOf"), list):
            return _joined(self._all(rule["allOf"]), _without(rule, "allOf")), None
        for keyword in ("anyOf", "oneOf"):
            others = _others_than_null(rule.get(keyword))
            if len(others) == 1:
                return _without(rule, keyword), others[0]
        return rule, None

    def _all(self, rules: list[Any]) -> Rule:
        result: Rule = {}
        if self._depth < MAX_DEPTH:
            self._depth += 1
            for rule in rules[:MAX_BRANCHES]:
                result = _joined(result, self.resolve(rule))
            self._depth -= 1
        return result

    def _at(self, reference: Any) -> Any:
        """Return what stands at a JSON pointer such as ``#/$defs/name``; None for nothing."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        found = self._root
        for part in islice(filter(None, reference[1:].split("/")), MAX_BRANCHES):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found


def _others_than_null(branches: Any) -> list[Any]:
    """Return the branches of a choice between null and others; [] for any other choice."""
    if not isinstance(branches, list) or len(branches) > MAX_BRANCHES:
        return []
    others = [branch for branch in branches if not _is_null(branch)]
    return others if len(others) < len(branches) or len(branches) == 1 else []


def _is_null(branch: Any) -> bool:
    return isinstance(branch, dict) and branch.get("type") == "null"


def _without(rule: Rule, keyword: str) -> Rule:
    return {key: value for key, value in rule.items() if key != keyword}


def _joined(first: Rule, then: Rule) -> Rule:
    """Return both rules; the second wins, but neither loses its keys."""
    keys = _both(first.get("properties"), then.get("properties"), dict)
    needed = _both(first.get("required"), then.get("required"), list)
    joined = {**first, **then}
    if keys:
        joined["properties"] = {**keys[0], **keys[1]}
    if needed:
        joined["required"] = [*needed[0], *needed[1]]
    return joined


def _both(first: Any, then: Any, kind: type) -> tuple[Any, Any] | None:
    """Return the two if both are there and not too long to be joined."""
    is_possible = isinstance(first, kind) and isinstance(then, kind)
    return (first, then) if is_possible and max(len(first), len(then)) <= MAX_JOINED else None
