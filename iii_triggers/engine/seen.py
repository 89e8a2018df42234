"""Knowing what comes twice."""

from __future__ import annotations

SIZE = 20_000
"""How many ids are remembered, at least."""


class Seen:
    """Remembers the newest ids, in two generations."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._new: set[str] = set()
        self._old: set[str] = set()

    def __contains__(self, id_: str) -> bool:
        return id_ in self._new or id_ in self._old

    def add(self, id_: str) -> bool:
        """Remember an id; tell whether it was not known."""
        if id_ in self:
            return False
        if len(self._new) >= self._size:
            self._old, self._new = self._new, set()
        self._new.add(id_)
        return True

    def discard(self, id_: str) -> None:
        """Forget an id."""
        self._new.discard(id_)
        self._old.discard(id_)
