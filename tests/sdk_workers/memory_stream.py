"""A store of one stream, in memory, as the SDKs' ``create_stream`` takes it."""

from __future__ import annotations

from typing import Any


class Result:
    """What ``set`` and ``delete`` return; SDKs dump it."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    def model_dump(self) -> dict[str, Any]:
        """Return the values."""
        return self.values


class MemoryStream:
    """Keeps items by group."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}

    async def get(self, wanted: Any) -> Any:
        """Return an item."""
        return self.groups.get(wanted.group_id, {}).get(wanted.item_id)

    async def set(self, wanted: Any) -> Result:
        """Keep an item."""
        group = self.groups.setdefault(wanted.group_id, {})
        old, group[wanted.item_id] = group.get(wanted.item_id), wanted.data
        return Result(old_value=old, new_value=wanted.data)

    async def delete(self, wanted: Any) -> Result:
        """Forget an item."""
        return Result(old_value=self.groups.get(wanted.group_id, {}).pop(wanted.item_id, None))

    async def list(self, wanted: Any) -> list[Any]:
        """Return the items of a group."""
        return list(self.groups.get(wanted.group_id, {}).values())

    async def list_groups(self, wanted: Any) -> list[str]:
        """Return the groups."""
        return sorted(self.groups)

    async def update(self, wanted: Any) -> Result:
        """Change an item: the one operation of the test, a root ``set``."""
        group = self.groups.setdefault(wanted.group_id, {})
        (op,) = wanted.ops
        old, group[wanted.item_id] = group.get(wanted.item_id), op.value
        return Result(old_value=old, new_value=op.value)
