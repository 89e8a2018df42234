"""Which names items and their groups may have."""

from __future__ import annotations

from collections.abc import Sequence

from iii_triggers.models.items import MAX_KEY_LENGTH
from iii_triggers.protocol.errors import IiiError


class InvalidKey(IiiError):
    """The key cannot be used."""

    code = "INVALID_KEY"


def check_key(key: str) -> None:
    """Raise InvalidKey unless an item may be called that within its group."""
    if not key:
        raise InvalidKey("A key must not be empty.")
    check_group((key,))


def check_group(group: Sequence[str]) -> None:
    """Raise InvalidKey unless a group may be called that; its names may be empty."""
    for name in group:
        _check(name)


def is_group(group: Sequence[str]) -> bool:
    """Tell whether a group may be called that."""
    try:
        check_group(group)
    except InvalidKey:
        return False
    return True


def _check(name: str) -> None:
    try:
        size = len(name.encode())
    except UnicodeError:
        raise InvalidKey("A key must be text that UTF-8 can hold.") from None
    if size > MAX_KEY_LENGTH:
        raise InvalidKey(f"A key of {size} bytes exceeds the limit of {MAX_KEY_LENGTH}.")
    if "\0" in name:
        raise InvalidKey("A key must not contain the character \\u0000.")
