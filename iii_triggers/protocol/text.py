"""Text of strangers made fit for logs and databases."""

from __future__ import annotations

import unicodedata

LINE_ENDS = ("Zl", "Zp")


def one_line(text: str) -> str:
    r"""Return ``text`` with control, format and line-end characters escaped (``\n``, ``\x1b``).

    A log line made of it can neither look like two nor steer a terminal. All other text stays.
    """
    if text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def without_nul(text: str) -> str:
    """Return ``text`` without the character that PostgreSQL does not store."""
    return text.replace("\0", "")


def storable(text: str) -> str:
    """Return ``text`` as every database stores it: no NUL, and lone surrogates escaped."""
    return without_nul(text).encode(errors="backslashreplace").decode()


def _escaped(character: str) -> str:
    category = unicodedata.category(character)
    if category.startswith("C") or category in LINE_ENDS:
        return character.encode("unicode_escape").decode()
    return character
