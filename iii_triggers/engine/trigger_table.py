"""The table of triggers: by key, by the id the protocol names, and by what they wait for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .trigger_values import TriggerEntry, TriggerKey

Entries = dict[TriggerKey, TriggerEntry]


@dataclass(slots=True)
class TriggerTable:
    """Triggers, whatever their state; lookups cost the same however many there are."""

    _entries: Entries = field(default_factory=dict)
    _by_id: dict[str, Entries] = field(default_factory=dict)
    _parked: dict[str, Entries] = field(default_factory=dict)
    _rejected: Entries = field(default_factory=dict)

    def __iter__(self) -> Iterator[TriggerEntry]:
        """Iterate over all triggers."""
        yield from list(self._entries.values())

    def get(self, key: TriggerKey) -> TriggerEntry | None:
        """Return the trigger with this key."""
        return self._entries.get(key)

    def with_id(self, trigger_id: str) -> list[TriggerEntry]:
        """Return the triggers with this id: one of a worker, or some of the site."""
        return list(self._by_id.get(trigger_id, {}).values())

    def parked(self, type_ids: Iterable[str]) -> list[TriggerEntry]:
        """Return the triggers that wait for a type they call by one of these ids."""
        return [e for type_id in type_ids for e in self._parked.get(type_id, {}).values()]

    def rejected(self) -> list[TriggerEntry]:
        """Return the triggers that their type refused."""
        return list(self._rejected.values())

    def put(self, entry: TriggerEntry) -> None:
        """Keep a trigger in place of the one with its key; call it again when its state changes."""
        trigger = entry.trigger
        old = self._entries.get(trigger.key)
        if old is not None:
            self._leave(old)
        self._entries[trigger.key] = entry
        self._by_id.setdefault(trigger.id, {})[trigger.key] = entry
        if entry.state == "parked":
            self._parked.setdefault(trigger.trigger_type, {})[trigger.key] = entry
        elif entry.state == "rejected":
            self._rejected[trigger.key] = entry
        if trigger.worker is not None:
            trigger.worker.trigger_ids.add(trigger.id)

    def remove(self, entry: TriggerEntry) -> None:
        """Forget a trigger."""
        trigger = entry.trigger
        self._leave(entry)
        self._entries.pop(trigger.key, None)
        _pop(self._by_id, trigger.id, trigger.key)

    def _leave(self, entry: TriggerEntry) -> None:
        trigger = entry.trigger
        self._rejected.pop(trigger.key, None)
        _pop(self._parked, trigger.trigger_type, trigger.key)
        if trigger.worker is not None:
            trigger.worker.trigger_ids.discard(trigger.id)


def _pop(index: dict[str, Entries], name: str, key: TriggerKey) -> None:
    entries = index.get(name, {})
    if entries.pop(key, None) is not None and not entries:
        del index[name]
