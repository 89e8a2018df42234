"""What a form shows of a schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

Kind = Literal[
    "text",
    "long_text",
    "integer",
    "number",
    "boolean",
    "choice",
    "choices",
    "lines",
    "group",
    "json",
]

PREFIX = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the values of an enum; ``text`` is what a browser sends for it."""

    value: Any
    text: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a browser is told about a field; None for no limit. The type's validator decides."""

    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One key of a config, or a group of keys within one; all texts are short.

    ``path`` leads from the config to the key. ``items`` is what the items of a list are.
    ``default`` and ``examples`` are texts for people, ``default_value`` is the default itself.
    """

    path: tuple[str, ...]
    kind: Kind
    title: str
    description: str = ""
    required: bool = False
    default: str = ""
    default_value: Any = None
    examples: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    items: Kind = "text"
    limits: Limits = field(default_factory=Limits)
    children: tuple[Node, ...] = ()

    @property
    def key(self) -> str:
        """The last key of the path."""
        return self.path[-1]

    @property
    def name(self) -> str:
        """The name of the field: ``config.key``, with every key quoted as in a URL."""
        return ".".join([PREFIX, *(quote(key, safe="").replace(".", "%2E") for key in self.path)])

    @property
    def dotted(self) -> str:
        """The path as it is written in messages."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The form of a schema.

    ``keys`` are all keys that the schema names; ``omitted`` how many of them, at any depth, are
    not shown.
    """

    nodes: tuple[Node, ...]
    keys: frozenset[str]
    omitted: int = 0


def leaves(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield the nodes that have a field."""
    for node in nodes:
        if node.kind == "group":
            yield from leaves(node.children)
        else:
            yield node


def every(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield all nodes, groups before what is in them."""
    for node in nodes:
        yield node
        yield from every(node.children)
