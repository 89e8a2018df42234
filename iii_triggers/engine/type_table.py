"""The table of trigger types: who provides what, and who stands by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import LimitExceeded, TriggerConflict

from .connections import WorkerConnection
from .trigger_values import Trigger, TriggerTypeEntry, TypeKey


@dataclass(slots=True)
class TypeTable:
    """Trigger types by namespace and id; one that gives way to a worker's waits behind it."""

    _types: dict[TypeKey, TriggerTypeEntry] = field(default_factory=dict)
    _standing_by: dict[TypeKey, TriggerTypeEntry] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[TriggerTypeEntry]:
        """Iterate over the registered types."""
        yield from list(self._types.values())

    def get(self, key: TypeKey) -> TriggerTypeEntry | None:
        """Return the type that is registered there."""
        return self._types.get(key)

    def of_the_site(self) -> dict[TypeKey, TriggerTypeEntry]:
        """Return the types of the site that may give way to a worker's, also those that do."""
        live = {key: type_ for key, type_ in self._types.items() if type_.gives_way}
        return {**self._standing_by, **live}

    def canonical(self, type_id: str) -> str:
        """Return the id behind an old name of a type."""
        return self._aliases.get(type_id, type_id)

    def resolve(self, trigger: Trigger) -> TriggerTypeEntry | None:
        """Return the type a trigger belongs to now: the one it names, at home or the default."""
        type_id = self.canonical(trigger.trigger_type)
        if trigger.provider_namespace is not None:
            return self._types.get((trigger.provider_namespace, type_id))
        home = trigger.worker.namespace if trigger.worker else trigger.namespace
        return self._types.get((home, type_id)) or self._types.get(("default", type_id))

    def takes_over(self, provider: TriggerTypeEntry) -> bool:
        """Tell whether ``provider`` has the type from now on; what gives way to it stands by.

        Raise TriggerConflict when a worker tries to take over a built-in type, and LimitExceeded
        when it provides too many.
        """
        _check_limit(provider)
        old = self._types.get(provider.key)
        if old is None:
            return True
        if provider.gives_way and not old.gives_way and old.worker is None:
            return False
        if provider.worker is not None and old.worker is None:
            if not old.gives_way:
                raise TriggerConflict(f"Trigger type '{provider.id}' is built in.")
            self._standing_by[old.key] = old
        if provider.gives_way and old.worker is not None:
            self._standing_by[provider.key] = provider
            return False
        return True

    def put(self, provider: TriggerTypeEntry) -> None:
        """Register a type, in place of the one that stands there."""
        old = self._types.get(provider.key)
        if old is not None and old.worker is not None:
            old.worker.trigger_type_keys.discard(old.key)
            old.registrator.dismissed()
        if provider.worker is None:
            self._aliases.update(dict.fromkeys(provider.registrator.aliases, provider.id))
        else:
            provider.worker.trigger_type_keys.add(provider.key)
        self._types[provider.key] = provider

    def remove(self, key: TypeKey, worker: WorkerConnection | None) -> TriggerTypeEntry | None:
        """Remove the type of this very owner and return it; the one that stood by takes over."""
        provider = self._types.get(key)
        if provider is None or provider.worker is not worker:
            return None
        del self._types[key]
        if worker is not None:
            worker.trigger_type_keys.discard(key)
            provider.registrator.dismissed()
        successor = self._standing_by.pop(key, None)
        if successor is not None:
            self._types[key] = successor
        return provider

    def dismiss(self, key: TypeKey) -> None:
        """Forget the type of the site that stands by."""
        self._standing_by.pop(key, None)


def _check_limit(provider: TriggerTypeEntry) -> None:
    owned = provider.worker.trigger_type_keys if provider.worker is not None else {provider.key}
    if provider.key not in owned and len(owned) >= settings.III_MAX_TRIGGER_TYPES_PER_WORKER:
        raise LimitExceeded("The worker provides too many trigger types.")
