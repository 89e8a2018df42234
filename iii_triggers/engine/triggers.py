"""The trigger registry: trigger types on one level, triggers on the other.

A trigger may arrive before its type or its function; it is parked until the type is there and
looks its function up when it fires. All changes go through one lock, so that a registrator that
awaits never sees two changes of one trigger at once; each of its steps has a deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    IiiError,
    LimitExceeded,
    TriggerConflict,
    TriggerRejected,
)

from .connections import WorkerConnection
from .trigger_values import Trigger, TriggerEntry, TriggerTypeEntry, TypeKey

logger = logging.getLogger(__name__)

REGISTRATOR_TIMEOUT_S = 10.0


@dataclass(slots=True)
class TriggerRegistry:
    """All trigger types and triggers of the process."""

    on_change: Callable[[Trigger, TriggerEntry | None], None]
    """Told of every trigger that changed; None when it went."""
    on_type_added: Callable[[TriggerTypeEntry], None]
    """Told of every type that came."""
    on_type_removed: Callable[[TriggerTypeEntry], None]
    """Told of every type that went."""
    _types: dict[TypeKey, TriggerTypeEntry] = field(default_factory=dict)
    _standing_by: dict[TypeKey, TriggerTypeEntry] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict)
    _entries: dict[str, TriggerEntry] = field(default_factory=dict)
    _parked: dict[str, TriggerEntry] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def types(self) -> Iterator[TriggerTypeEntry]:
        """Iterate over the registered types."""
        yield from list(self._types.values())

    def site_types(self) -> dict[TypeKey, TriggerTypeEntry]:
        """Return the types of the site that may give way to a worker's, also those that do."""
        live = {key: type_ for key, type_ in self._types.items() if type_.gives_way}
        return {**self._standing_by, **live}

    def entries(self) -> Iterator[TriggerEntry]:
        """Iterate over all triggers, whatever their state."""
        yield from list(self._entries.values())

    def get(self, trigger_id: str) -> TriggerEntry | None:
        """Return the trigger with this id."""
        return self._entries.get(trigger_id)

    def active(self, type_id: str, namespace: str = "default") -> list[Trigger]:
        """Return the triggers that are live on a type."""
        provider = self._types.get((namespace, self.canonical(type_id)))
        return [entry.trigger for entry in provider.triggers.values()] if provider else []

    def canonical(self, type_id: str) -> str:
        """Return the id behind an old name of a type."""
        return self._aliases.get(type_id, type_id)

    async def register_type(self, provider: TriggerTypeEntry) -> None:
        """Add a trigger type or take it over, then deliver every trigger that belongs to it.

        Raise TriggerConflict when a worker tries to take over a built-in type.
        """
        async with self._lock:
            old = self._types.get(provider.key)
            if not self._takes_over(provider, old):
                return
            if provider.worker is None:
                self._aliases.update(dict.fromkeys(provider.registrator.aliases, provider.id))
            else:
                provider.worker.trigger_type_ids.add(provider.id)
            self._types[provider.key] = provider
            self.on_type_added(provider)
            await self._deliver(provider, list(old.triggers.values()) if old else [])
            await self._deliver(provider, list(self._parked.values()))
            await self._bring_home(provider)

    async def unregister_type(self, key: TypeKey, worker: WorkerConnection | None) -> None:
        """Remove a type of this very connection (None: of the site).

        Its triggers go to who provides the type now, or are parked.
        """
        async with self._lock:
            if worker is None:
                self._standing_by.pop(key, None)
            await self._remove_type(key, worker)

    async def register(self, trigger: Trigger) -> TriggerEntry:
        """Register or replace a trigger; a trigger without a type is parked.

        Raise TriggerRejected if it cannot be registered. A rejected trigger of a worker leaves no
        trace (the one it was to replace stays); one of the site is kept as rejected.
        """
        async with self._lock:
            return await self._register(trigger)

    async def unregister(self, trigger_id: str, *, by_worker: bool = False) -> bool:
        """Remove a trigger; tell whether it was there. A worker cannot remove the site's own."""
        async with self._lock:
            entry = self._entries.get(trigger_id)
            if entry is None or (by_worker and entry.trigger.source != "worker"):
                return False
            await self._remove(entry)
            return True

    async def reject(self, trigger_id: str, *, provider: WorkerConnection, error: str) -> bool:
        """Park a live trigger because its provider refused it; tell whether it may refuse it."""
        async with self._lock:
            entry = self._entries.get(trigger_id)
            if entry is None or entry.provider is None or entry.provider.worker is not provider:
                return False
            self._park(entry, error)
            return True

    async def drop_worker(self, worker: WorkerConnection) -> None:
        """Remove the triggers and types that this very connection still owns."""
        async with self._lock:
            for trigger_id in list(worker.trigger_ids):
                entry = self._entries.get(trigger_id)
                if entry is not None and entry.trigger.worker is worker:
                    await self._remove(entry)
            for type_id in list(worker.trigger_type_ids):
                for key in [key for key in self._types if key[1] == type_id]:
                    await self._remove_type(key, worker)

    def _resolve(self, trigger: Trigger) -> TriggerTypeEntry | None:
        type_id = self.canonical(trigger.trigger_type)
        if trigger.provider_namespace is not None:
            return self._types.get((trigger.provider_namespace, type_id))
        home = trigger.worker.namespace if trigger.worker else trigger.namespace
        return self._types.get((home, type_id)) or self._types.get(("default", type_id))

    def _takes_over(self, provider: TriggerTypeEntry, old: TriggerTypeEntry | None) -> bool:
        """Tell whether ``provider`` has the type from now on; what gives way to it stands by."""
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

    async def _register(self, trigger: Trigger) -> TriggerEntry:
        old = self._entries.get(trigger.id)
        self._check_owner(trigger, old)
        entry = TriggerEntry(trigger=trigger)
        try:
            await self._activate(entry)
        except IiiError as error:
            if trigger.source == "worker":
                raise
            entry.state, entry.error = "rejected", error.message
        if old is not None and (old.provider is not entry.provider or entry.provider is None):
            await self._deactivate(old)
        if old is not None and old.trigger.worker is not None:
            old.trigger.worker.trigger_ids.discard(trigger.id)
        if old is not None and old.trigger.namespace != trigger.namespace:
            self.on_change(old.trigger, None)
        self._store(entry)
        return entry

    def _check_owner(self, trigger: Trigger, old: TriggerEntry | None) -> None:
        if trigger.source != "worker" or trigger.worker is None:
            return
        if old is not None and old.trigger.source != "worker":
            raise TriggerConflict(f"Trigger id '{trigger.id}' is taken by a trigger of the site.")
        owned = trigger.worker.trigger_ids
        if trigger.id not in owned and len(owned) >= settings.III_MAX_TRIGGERS_PER_WORKER:
            raise LimitExceeded("The worker registered too many triggers.")

    async def _activate(self, entry: TriggerEntry) -> None:
        """Hand the trigger to the registrator of its type; no type leaves it parked."""
        provider = self._resolve(entry.trigger)
        entry.state, entry.error, entry.provider = "parked", "", None
        if provider is None:
            entry.error = f"Trigger type '{entry.trigger.trigger_type}' is not registered."
            return
        try:
            async with asyncio.timeout(REGISTRATOR_TIMEOUT_S):
                await provider.registrator.register_trigger(entry.trigger)
        except ChannelSendFailed:
            entry.error = "The provider of the trigger type is going away."
            return
        except IiiError:
            raise
        except TimeoutError as error:
            raise TriggerRejected("The trigger type did not answer in time.") from error
        except Exception as error:
            logger.exception("Trigger type %s failed to register a trigger.", provider.id)
            raise TriggerRejected("The trigger type failed to register the trigger.") from error
        entry.state, entry.provider = "active", provider
        provider.triggers[entry.trigger.id] = entry

    async def _deactivate(self, entry: TriggerEntry) -> None:
        provider = entry.provider
        if provider is None:
            return
        if provider.triggers.get(entry.trigger.id) is entry:
            del provider.triggers[entry.trigger.id]
        entry.provider = None
        try:
            async with asyncio.timeout(REGISTRATOR_TIMEOUT_S):
                await provider.registrator.unregister_trigger(entry.trigger)
        except Exception:
            logger.warning("Trigger %s could not be unregistered.", entry.trigger.id, exc_info=True)

    def _store(self, entry: TriggerEntry) -> None:
        trigger = entry.trigger
        self._entries[trigger.id] = entry
        if entry.state == "parked":
            self._parked[trigger.id] = entry
        else:
            self._parked.pop(trigger.id, None)
        if trigger.worker is not None:
            trigger.worker.trigger_ids.add(trigger.id)
        self.on_change(trigger, entry)

    def _park(self, entry: TriggerEntry, error: str) -> None:
        if entry.provider is not None:
            entry.provider.triggers.pop(entry.trigger.id, None)
        entry.state, entry.error, entry.provider = "parked", error, None
        self._store(entry)

    async def _remove(self, entry: TriggerEntry) -> None:
        trigger = entry.trigger
        self._entries.pop(trigger.id, None)
        self._parked.pop(trigger.id, None)
        if trigger.worker is not None:
            trigger.worker.trigger_ids.discard(trigger.id)
        await self._deactivate(entry)
        self.on_change(trigger, None)

    async def _remove_type(self, key: TypeKey, worker: WorkerConnection | None) -> None:
        provider = self._types.get(key)
        if provider is None or provider.worker is not worker:
            return
        del self._types[key]
        if worker is not None:
            worker.trigger_type_ids.discard(provider.id)
        self.on_type_removed(provider)
        successor = self._standing_by.pop(key, None)
        if successor is not None:
            self._types[key] = successor
        for entry in list(provider.triggers.values()):
            await self._reactivate(entry)
        if successor is not None:
            await self._deliver(successor, list(self._parked.values()))

    async def _deliver(self, provider: TriggerTypeEntry, entries: list[TriggerEntry]) -> None:
        """Register again what belongs to ``provider``: exactly one delivery for each trigger."""
        for entry in entries:
            if self._resolve(entry.trigger) is provider and entry.provider is not provider:
                await self._reactivate(entry)

    async def _bring_home(self, provider: TriggerTypeEntry) -> None:
        """Move the triggers here that fell back to the type of the default namespace."""
        fallback = self._types.get(("default", provider.id))
        for entry in list(fallback.triggers.values()) if fallback is not None else []:
            if self._resolve(entry.trigger) is provider and entry.provider is not provider:
                await self._deactivate(entry)
                await self._reactivate(entry)

    async def _reactivate(self, entry: TriggerEntry) -> None:
        if entry.provider is not None:
            entry.provider.triggers.pop(entry.trigger.id, None)
        try:
            await self._activate(entry)
        except IiiError as error:
            self._park(entry, error.message)
        else:
            self._store(entry)
