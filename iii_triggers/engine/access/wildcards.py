"""Patterns with ``*``, which stands for any run of characters, ``::`` included.

No regular expressions: a match takes one look from left to right, whatever the pattern.
"""

from __future__ import annotations

QUOTES = ('"', "'")


def matches(pattern: str, text: str) -> bool:
    """Tell whether ``text`` fits; a pattern without ``*`` is compared as it is."""
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    position, end = len(first), len(text) - len(last)
    if position > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def written_pattern(text: str) -> str | None:
    """Return the pattern in ``match("pattern")``; None if ``text`` is not written so."""
    inner = text.strip()
    if not (inner.startswith("match(") and inner.endswith(")")):
        return None
    quoted = inner[len("match(") : -1].strip()
    is_quoted = len(quoted) >= 2 and quoted[0] in QUOTES and quoted[-1] == quoted[0]
    return quoted[1:-1] if is_quoted else None


def pattern_of(text: str) -> str:
    """Return the pattern of ``match("pattern")`` or of a bare ``pattern``."""
    pattern = written_pattern(text)
    return text if pattern is None else pattern
