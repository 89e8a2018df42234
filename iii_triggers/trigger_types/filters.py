"""Triggers by what they ask of an event: finding those of one costs the same for any number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iii_triggers.engine.trigger_values import Trigger, TriggerKey

Facts = tuple[str, ...]
"""What is known of an event, such as scope and key."""

Filter = tuple[str | None, ...]
"""What a trigger asks of the facts, one for one; None is anything."""


class FilteredTriggers:
    """Triggers, each with one or more filters."""

    def __init__(self) -> None:
        self._by_filter: dict[Filter, dict[TriggerKey, Trigger]] = {}
        self._filters_of: dict[TriggerKey, tuple[Filter, ...]] = {}

    def add(self, trigger: Trigger, filters: Iterable[Filter]) -> None:
        """Add a trigger, or replace the one with its key."""
        self.remove(trigger)
        self._filters_of[trigger.key] = tuple(dict.fromkeys(filters))
        for one in self._filters_of[trigger.key]:
            self._by_filter.setdefault(one, {})[trigger.key] = trigger

    def remove(self, trigger: Trigger) -> None:
        """Remove a trigger; an unknown one is ignored."""
        for one in self._filters_of.pop(trigger.key, ()):
            triggers = self._by_filter[one]
            del triggers[trigger.key]
            if not triggers:
                del self._by_filter[one]

    def matching(self, facts: Facts) -> Iterator[Trigger]:
        """Return the triggers whose filter an event meets, each once."""
        seen: set[TriggerKey] = set()
        for one in product(*((fact, None) for fact in facts)):
            for key, trigger in self._by_filter.get(one, {}).items():
                if key not in seen:
                    seen.add(key)
                    yield trigger

    def __iter__(self) -> Iterator[TriggerKey]:
        return iter(self._filters_of)
