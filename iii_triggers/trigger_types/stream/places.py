"""Where something happens: a stream, a group of it, and maybe an item of the group."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A group of a stream, or one item of it."""

    stream_name: str
    group_id: str
    item_id: str | None = None
    """None is the group as a whole."""

    @property
    def group(self) -> tuple[str, str]:
        """Stream and group, as a key."""
        return (self.stream_name, self.group_id)

    def includes(self, other: Place) -> bool:
        """Tell whether what happens at ``other``, which is in this group, happens here."""
        return self.item_id is None or self.item_id == other.item_id
