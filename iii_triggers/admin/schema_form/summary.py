"""A config as those read it who may not change it: every key with its title."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .nodes import Node, Plan
from .texts import json_text, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One key of a config that is there, and its value; titles of groups come before its own."""

    title: str
    key: str
    value: str


def facts(plan: Plan, config: Any) -> list[Fact]:
    """Return what ``config`` says about the keys of ``plan``."""
    return list(_facts(plan.nodes, config, ()))


def _facts(nodes: Sequence[Node], values: Any, groups: tuple[str, ...]) -> Iterator[Fact]:
    if not isinstance(values, Mapping):
        return
    for node in nodes:
        value, titles = values.get(node.key), (*groups, node.title)
        if node.kind == "group" and isinstance(value, dict):
            yield from _facts(node.children, value, titles)
        elif node.key in values:
            yield Fact(title=": ".join(titles), key=node.dotted, value=_text(value))


def _text(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return plain(", ".join(value))
    return plain(value if isinstance(value, str) else json_text(value))
