"""What a config file holds before anybody looks at its meaning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from iii_triggers.protocol.json_values import MAX_JSON_DEPTH

from .problems import ConfigFileError, Path, Problem

MAX_BYTES = 10 * 1024 * 1024
MAX_DEPTH = MAX_JSON_DEPTH + 4
"""A config of the deepest kind lies a few levels deep in the file."""
LEAST_INT, GREATEST_INT = -(2**63), 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A JSON value, and the lines its parts came from where the format tells them."""

    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def problem(self, path: Path, message: str) -> Problem:
        """Return a problem of what is at ``path``, with the line of the nearest part known."""
        known = (self.lines.get(path[:length]) for length in range(len(path), 0, -1))
        line = next((line for line in known if line is not None), None)
        return Problem(message=message, path=path, line=line)


def check_values(document: Document) -> None:
    """Raise ConfigFileError if anything in it cannot be kept as JSON in every database."""
    problems = [document.problem(path, message) for path, message in _unfit(document.value, ())]
    if problems:
        raise ConfigFileError(problems)


def _unfit(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if len(path) > MAX_DEPTH:
        yield path[:4], "It is nested too deeply."
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from ((path, f"A key {reason}") for reason in _wrong_text(key))
            yield from _unfit(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unfit(item, (*path, index))
    elif isinstance(value, str):
        yield from ((path, f"The text {reason}") for reason in _wrong_text(value))
    elif not _is_number_of_json(value):
        yield path, "The number is too large."


def _wrong_text(text: str) -> Iterator[str]:
    if "\0" in text:
        yield "holds a NUL character."
    if any("\ud800" <= character <= "\udfff" for character in text):
        yield "holds half a surrogate pair."


def _is_number_of_json(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or LEAST_INT <= value <= GREATEST_INT
