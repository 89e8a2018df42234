"""The trigger registry: trigger types on one level, triggers on the other.

A trigger may arrive before its type or its function; it is parked until the type is there and
looks its function up when it fires. All changes go through one lock, so that a registrator that
awaits never sees two changes of one trigger at once. What leaves a type may have stood in the way
of triggers of the site that were rejected: they are tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from iii_triggers.conf import settings
from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    IiiError,
    LimitExceeded,
    TriggerConflict,
)

from .connections import WorkerConnection
from .registrar import register_with, unregister_with
from .trigger_table import TriggerTable
from .trigger_values import Trigger, TriggerEntry, TriggerTypeEntry, TypeKey
from .type_table import TypeTable


@dataclass(slots=True)
class TriggerRegistry:
    """All trigger types and triggers of the process.

    A trigger of a worker is known by its id alone, as on the wire; one of the site by its
    namespace and its id, as its row is. An id of the site is taken for workers in any namespace.
    """

    on_change: Callable[[Trigger, TriggerEntry | None], None]
    """Told of every trigger that changed; None when it went."""
    on_type_added: Callable[[TriggerTypeEntry], None]
    """Told of every type that came."""
    on_type_removed: Callable[[TriggerTypeEntry], None]
    """Told of every type that went."""
    _types: TypeTable = field(default_factory=TypeTable)
    _triggers: TriggerTable = field(default_factory=TriggerTable)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def types(self) -> Iterator[TriggerTypeEntry]:
        """Iterate over the registered types."""
        yield from self._types

    def site_types(self) -> dict[TypeKey, TriggerTypeEntry]:
        """Return the types of the site that may give way to a worker's, also those that do."""
        return self._types.of_the_site()

    def entries(self) -> Iterator[TriggerEntry]:
        """Iterate over all triggers, whatever their state."""
        yield from self._triggers

    def get(self, trigger_id: str, *, namespace: str | None = None) -> TriggerEntry | None:
        """Return the trigger of the site with this id; without namespace any of this node."""
        if namespace is not None:
            return self._triggers.get((namespace, trigger_id))
        known = self._triggers.with_id(trigger_id)
        return next((entry for entry in known if not entry.trigger.node_id), None)

    def canonical(self, type_id: str) -> str:
        """Return the id behind an old name of a type."""
        return self._types.canonical(type_id)

    def active(self, type_id: str, namespace: str = "default") -> list[Trigger]:
        """Return the triggers that are live on a type."""
        provider = self._types.get((namespace, self._types.canonical(type_id)))
        return [entry.trigger for entry in provider.triggers.values()] if provider else []

    async def register_type(self, provider: TriggerTypeEntry) -> None:
        """Add a trigger type or take it over, then deliver every trigger that belongs to it.

        Raise TriggerConflict when a worker tries to take over a built-in type, and LimitExceeded
        when it provides too many.
        """
        async with self._lock:
            old = self._types.get(provider.key)
            if not self._types.takes_over(provider):
                return
            self._types.put(provider)
            self.on_type_added(provider)
            waiting = self._waiting_for(provider)
            await self._deliver(provider, [*(old.triggers.values() if old else ()), *waiting])
            await self._bring_home(provider)

    async def unregister_type(self, key: TypeKey, worker: WorkerConnection | None) -> None:
        """Remove a type of this very connection (None: of the site).

        Its triggers go to who provides the type now, or are parked.
        """
        async with self._lock:
            if worker is None:
                self._types.dismiss(key)
            await self._remove_type(key, worker)

    async def register(self, trigger: Trigger) -> TriggerEntry:
        """Register or replace a trigger; a trigger without a type is parked.

        Raise TriggerRejected if it cannot be registered. A rejected trigger of a worker leaves no
        trace (the one it was to replace stays); one of the site is kept as rejected.
        """
        async with self._lock:
            return await self._register(trigger)

    async def unregister(self, trigger_id: str, *, namespace: str | None = None) -> bool:
        """Remove a trigger of the site, or a worker's (no namespace); tell whether it was there."""
        async with self._lock:
            entry = self._triggers.get((namespace, trigger_id))
            if entry is None:
                return False
            left = entry.provider
            await self._remove(entry)
            await self._retry_rejected({left})
            return True

    async def reject(
        self, trigger_id: str, *, trigger_type: str, provider: WorkerConnection, error: str
    ) -> Trigger | None:
        """Park a live trigger because its provider refused it, and return it.

        Return None if the provider has no such trigger.
        """
        async with self._lock:
            entry = self._delivered(trigger_id, trigger_type, provider)
            if entry is None:
                return None
            left = entry.provider
            _detach(entry)
            entry.state, entry.error, entry.provider = "parked", error, None
            self._store(entry)
            await self._retry_rejected({left})
            return entry.trigger

    async def drop_worker(self, worker: WorkerConnection) -> None:
        """Remove the triggers and types that this very connection still owns."""
        async with self._lock:
            left = set()
            for trigger_id in list(worker.trigger_ids):
                entry = self._triggers.get((None, trigger_id))
                if entry is not None and entry.trigger.worker is worker:
                    left.add(entry.provider)
                    await self._remove(entry)
            await self._retry_rejected(left)
            for key in list(worker.trigger_type_keys):
                await self._remove_type(key, worker)

    async def _register(self, trigger: Trigger) -> TriggerEntry:
        old = self._triggers.get(trigger.key)
        if trigger.source == "worker":
            self._check_worker(trigger)
        else:
            await self._displace_worker(trigger)
        entry = TriggerEntry(trigger=trigger)
        try:
            await self._activate(entry)
        except IiiError as error:
            if trigger.source == "worker":
                raise
            entry.state, entry.error = "rejected", error.message
        left = old.provider if old is not None else None
        if old is not None:
            await self._supersede(old, entry)
        self._store(entry)
        await self._retry_rejected({left})
        return entry

    def _check_worker(self, trigger: Trigger) -> None:
        if any(entry.trigger.source != "worker" for entry in self._triggers.with_id(trigger.id)):
            raise TriggerConflict(f"Trigger id '{trigger.id}' is taken by a trigger of the site.")
        owned = trigger.worker.trigger_ids if trigger.worker is not None else set()
        if trigger.id not in owned and len(owned) >= settings.III_MAX_TRIGGERS_PER_WORKER:
            raise LimitExceeded("The worker registered too many triggers.")

    async def _displace_worker(self, trigger: Trigger) -> None:
        """Remove the trigger of a worker whose id the site takes."""
        entry = self._triggers.get((None, trigger.id))
        if entry is not None:
            await self._remove(entry)

    async def _supersede(self, old: TriggerEntry, entry: TriggerEntry) -> None:
        if old.provider is not entry.provider or entry.provider is None:
            await self._deactivate(old)
        if old.trigger.namespace != entry.trigger.namespace:
            self.on_change(old.trigger, None)

    async def _activate(self, entry: TriggerEntry) -> None:
        """Hand the trigger to the registrator of its type; no type leaves it parked."""
        provider = self._types.resolve(entry.trigger)
        entry.state, entry.error, entry.provider = "parked", "", None
        if provider is None:
            entry.error = f"Trigger type '{entry.trigger.trigger_type}' is not registered here."
            return
        self._check_id(entry.trigger, provider)
        try:
            await register_with(provider, entry.trigger)
        except ChannelSendFailed:
            entry.error = "The provider of the trigger type is going away."
            return
        entry.state, entry.provider = "active", provider
        provider.triggers[entry.trigger.key] = entry

    def _check_id(self, trigger: Trigger, provider: TriggerTypeEntry) -> None:
        """Refuse a second trigger of one id to a worker, where it would replace the first."""
        if provider.worker is None:
            return
        for other in self._triggers.with_id(trigger.id):
            if other.provider is provider and other.trigger.key != trigger.key:
                raise TriggerConflict(
                    f"The provider has a trigger with the id '{trigger.id}' already, of the "
                    f"namespace '{other.trigger.namespace}': it knows triggers by their id alone."
                )

    async def _deactivate(self, entry: TriggerEntry) -> None:
        provider = entry.provider
        if provider is None:
            return
        _detach(entry)
        entry.provider = None
        await unregister_with(provider, entry.trigger)

    def _delivered(
        self, trigger_id: str, trigger_type: str, worker: WorkerConnection
    ) -> TriggerEntry | None:
        """Return the trigger that the worker got under this id, preferably on this type."""
        known = self._triggers.with_id(trigger_id)
        known = [e for e in known if e.provider is not None and e.provider.worker is worker]
        known.sort(key=lambda entry: entry.trigger.trigger_type != trigger_type)
        return known[0] if known else None

    def _store(self, entry: TriggerEntry) -> None:
        self._triggers.put(entry)
        self.on_change(entry.trigger, entry)

    async def _remove(self, entry: TriggerEntry) -> None:
        self._triggers.remove(entry)
        await self._deactivate(entry)
        self.on_change(entry.trigger, None)

    async def _remove_type(self, key: TypeKey, worker: WorkerConnection | None) -> None:
        provider = self._types.remove(key, worker)
        if provider is None:
            return
        self.on_type_removed(provider)
        for entry in list(provider.triggers.values()):
            await self._reactivate(entry)
        successor = self._types.get(key)
        if successor is not None:
            await self._deliver(successor, self._waiting_for(successor))
        await self._retry_rejected({provider})

    def _waiting_for(self, provider: TriggerTypeEntry) -> list[TriggerEntry]:
        """Return the triggers that may belong to ``provider`` and have no type."""
        parked = self._triggers.parked((provider.id, *provider.registrator.aliases))
        return [*parked, *self._triggers.rejected()]

    async def _retry_rejected(self, left: Collection[TriggerTypeEntry | None]) -> None:
        """Register rejected triggers again whose type has just been left by another trigger."""
        type_ids = {provider.id for provider in left if provider is not None}
        for entry in self._triggers.rejected():
            if self._types.canonical(entry.trigger.trigger_type) in type_ids:
                await self._reactivate(entry)

    async def _deliver(self, provider: TriggerTypeEntry, entries: Iterable[TriggerEntry]) -> None:
        """Register again what belongs to ``provider``: exactly one delivery for each trigger."""
        for entry in entries:
            if self._types.resolve(entry.trigger) is provider and entry.provider is not provider:
                await self._reactivate(entry)

    async def _bring_home(self, provider: TriggerTypeEntry) -> None:
        """Move the triggers here that fell back to the type of the default namespace."""
        fallback = self._types.get(("default", provider.id))
        for entry in list(fallback.triggers.values()) if fallback is not None else []:
            if self._types.resolve(entry.trigger) is provider and entry.provider is not provider:
                await self._deactivate(entry)
                await self._reactivate(entry)

    async def _reactivate(self, entry: TriggerEntry) -> None:
        _detach(entry)
        try:
            await self._activate(entry)
        except IiiError as error:
            entry.state = "parked" if entry.trigger.source == "worker" else "rejected"
            entry.error = error.message
        self._store(entry)


def _detach(entry: TriggerEntry) -> None:
    """Take the trigger off its type's list, unless its successor is there."""
    key = entry.trigger.key
    if entry.provider is not None and entry.provider.triggers.get(key) is entry:
        del entry.provider.triggers[key]
