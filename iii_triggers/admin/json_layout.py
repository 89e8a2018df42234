"""JSON whose end is missing, laid out for people as far as it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator

WORDS = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
MAX_INDENT = 32
"""Levels; deeper ones stand below each other, or a page would be blanks."""


def indented_beginning(text: str, *, length: int) -> str:
    """Return at most ``length`` characters of ``text`` with line ends and indentation."""
    pieces: list[str] = []
    left = length
    for piece in _pieces(text):
        pieces.append(piece[:left])
        left -= len(piece)
        if left <= 0:
            break
    return "".join(pieces)


def _pieces(text: str) -> Iterator[str]:
    depth, is_empty = 0, False
    for match in WORDS.finditer(text):
        word = match.group()
        if word in ("}", "]"):
            depth -= 1
            yield word if is_empty else _line_end(depth) + word
            is_empty = False
            continue
        if is_empty:
            yield _line_end(depth)
        is_empty = word in ("{", "[")
        depth += is_empty
        yield {",": "," + _line_end(depth), ":": ": "}.get(word, word)


def _line_end(depth: int) -> str:
    return "\n" + "  " * min(max(depth, 0), MAX_INDENT)
