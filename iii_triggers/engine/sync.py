"""Keeps the tables in memory in step with the rows of the site.

The change counter in the database is polled; what changed is read and registered again. Start-up
reads everything.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Collection, Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from iii_triggers.models import Change, Function, Trigger, TriggerType
from iii_triggers.models.changes import KEEP

from .database import DatabaseThread
from .declarations import DeclaredTrigger, SiteFunctions
from .offer_rows import upsert_function
from .trigger_values import Trigger as LiveTrigger
from .trigger_values import TriggerTypeEntry
from .triggers import TriggerRegistry

if TYPE_CHECKING:
    from iii_triggers.trigger_types.base import TriggerRegistrator


RACES = 3


@dataclass(slots=True, kw_only=True)
class Sync:
    """Reads changes of the site's triggers and applies them to the registry."""

    database: DatabaseThread
    triggers: TriggerRegistry
    site_fired_type: Callable[[Any], TriggerRegistrator]
    """Makes the registrator of a type the site fires itself, from its config schema."""
    on_offers: Callable[[Collection[str] | None], Awaitable[None]] | None = None
    """Learns that other nodes offer other functions: the ids of the nodes, or None for all."""
    on_tokens: Callable[[], Awaitable[None]] | None = None
    """Learns that a worker token changed."""
    on_workers: Callable[[Collection[str]], Awaitable[None]] | None = None
    """Learns the ids of workers that are to be disconnected, wherever they are connected."""
    on_drains: Callable[[Collection[str]], None] | None = None
    """Learns the ids of workers that are to be drained, wherever they are connected."""
    on_stored: Callable[[LiveTrigger], None] | None = None
    """Learns of a trigger that is new here whose row tells already what became of it."""
    revision: int = 0
    _begun: int = 0
    _polling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def load(self) -> None:
        """Register every trigger type and every enabled trigger of the site."""
        with garbage_left():
            self.revision, types, rows = await self.database.run(_read_everything)
            await self._apply_types(types)
            await self._apply_all(rows)
        if self.on_offers is not None:
            await self.on_offers(None)
        if self.on_tokens is not None:
            await self.on_tokens()

    async def refresh(self) -> None:
        """Apply what changed until now; callers that wait at the same time share one look."""
        wanted = self._begun + 1
        async with self._polling:
            # One that began after this call is as good.
            if self._begun < wanted:
                self._begun += 1
                try:
                    await self.poll()
                except BaseException:
                    self._begun -= 1
                    raise

    async def poll(self) -> int:
        """Apply what changed since the last time; return how many changes there were."""
        changes = await self.database.run(Change.objects.since, self.revision)
        if not changes:
            return 0
        workers = {change.key for change in changes if change.kind == Change.Kind.WORKER}
        if workers and self.on_workers is not None:
            await self.on_workers(workers)
        drained = {change.key for change in changes if change.kind == Change.Kind.DRAIN}
        if drained and self.on_drains is not None:
            self.on_drains(drained)
        # Some may be gone by now, and so many are no quicker to look up.
        if len(changes) >= KEEP:
            await self.load()
            return len(changes)
        if any(change.kind == Change.Kind.TRIGGER_TYPE for change in changes):
            await self._apply_types(await self.database.run(_read_types))
        nodes = {change.key for change in changes if change.kind == Change.Kind.FUNCTION}
        if nodes and self.on_offers is not None:
            await self.on_offers(nodes)
        tokens_changed = any(change.kind == Change.Kind.TOKEN for change in changes)
        if tokens_changed and self.on_tokens is not None:
            await self.on_tokens()
        keys = {int(change.key) for change in changes if change.kind == Change.Kind.TRIGGER}
        rows = await self.database.run(_read_triggers, keys)
        await self._apply(rows, keys - {row.pk for row in rows})
        self.revision = changes[-1].revision
        return len(changes)

    async def _apply_types(self, rows: list[TriggerType]) -> None:
        live = self.triggers.site_types()
        wanted = {(row.namespace, row.type_id): row for row in rows}
        for key in live.keys() - wanted.keys():
            await self.triggers.unregister_type(key, None)
        for key, row in wanted.items():
            old = live.get(key)
            if old is None or _description(old) != _description(row):
                await self.triggers.register_type(self._site_type(row))

    def _site_type(self, row: TriggerType) -> TriggerTypeEntry:
        return TriggerTypeEntry(
            id=row.type_id,
            namespace=row.namespace,
            registrator=self.site_fired_type(row.config_schema),
            description=row.description,
            config_schema=row.config_schema,
            call_schema=row.call_schema,
            gives_way=True,
        )

    async def _apply_all(self, rows: list[Trigger]) -> None:
        known = {entry.trigger.pk for entry in self.triggers.entries() if entry.trigger.pk}
        await self._apply(rows, known - {row.pk for row in rows})

    async def _apply(self, rows: list[Trigger], gone: Collection[int]) -> None:
        live = {entry.trigger.pk: entry for entry in self.triggers.entries() if entry.trigger.pk}
        wanted = {row.pk: live_trigger(row) for row in rows if row.enabled}
        changed = {row.pk for row in rows}.union(gone)
        # What leaves goes first: another trigger may have taken its id.
        for pk in changed & live.keys():
            old, new = live[pk].trigger, wanted.get(pk)
            if new is None or new.key != old.key:
                await self.triggers.unregister(old.id, namespace=old.namespace)
        for pk, trigger in wanted.items():
            old_entry = live.get(pk)
            # One that was rejected is saved again to try again.
            if old_entry is None or old_entry.state == "rejected" or old_entry.trigger != trigger:
                await self.triggers.register(trigger)
        self._mend_states(rows, new=wanted.keys() - live.keys())

    def _mend_states(self, rows: list[Trigger], new: Container[int]) -> None:
        """Have states written that the rows do not tell, and not those of new triggers that do.

        A trigger that was switched off and on again between two looks is as it was in memory.
        """
        stored = {row.pk: (row.state, row.error) for row in rows if row.enabled}
        for entry in self.triggers.entries():
            pk = entry.trigger.pk
            if pk is None or pk not in stored:
                continue
            if stored[pk][0] != entry.state:
                self.triggers.on_change(entry.trigger, entry)
            elif pk in new and stored[pk] == (entry.state, entry.error) and self.on_stored:
                self.on_stored(entry.trigger)


@contextmanager
def garbage_left() -> Iterator[None]:
    """Collect no garbage meanwhile: to look through what thousands of rows become, over and over,
    takes as long as all the rest.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def live_trigger(row: Trigger) -> LiveTrigger:
    """Return the row of a trigger of the site as the registry knows it."""
    return LiveTrigger(
        id=row.trigger_id,
        trigger_type=row.trigger_type,
        function_id=row.function_id,
        config=row.config,
        metadata=row.metadata,
        namespace=row.namespace,
        provider_namespace=row.provider_namespace or None,
        source=row.source,  # type: ignore[arg-type]  # the choices of the model
        pk=row.pk,
    )


def _description(type_: TriggerType | TriggerTypeEntry) -> tuple[object, ...]:
    return (type_.description, type_.config_schema, type_.call_schema)


def prepare_rows(site: SiteFunctions, types: Collection[TriggerRegistrator]) -> None:
    """Write the rows of what code declares: built-in types, the site's functions and triggers.

    Processes that start together write the same rows; one that loses the race tries again.
    """
    for _ in range(RACES):
        with suppress(IntegrityError):
            _write_declared(site, types)
            return
    _write_declared(site, types)


def _write_declared(site: SiteFunctions, types: Collection[TriggerRegistrator]) -> None:
    with transaction.atomic():
        for registrator in types:
            _write_type(registrator)
        _write_declared_types(site)
        _write_functions(site)
        _write_triggers(list(site.triggers()))


def _write_type(registrator: TriggerRegistrator) -> None:
    TriggerType.objects.update_or_create(
        namespace="default",
        type_id=registrator.id,
        defaults={
            "description": registrator.description,
            "config_schema": registrator.config_schema,
            "call_schema": registrator.call_schema,
            "source": TriggerType.Source.BUILTIN,
            "worker": None,
        },
    )


def _write_declared_types(site: SiteFunctions) -> None:
    """Bring the rows with source ``code`` in line; code has the last word on its ids."""
    declared = {type_.id: type_ for type_ in site.types()}
    rows = TriggerType.objects.filter(namespace="default")
    for row in rows.filter(source=TriggerType.Source.CODE).exclude(type_id__in=declared):
        row.delete()
    for type_ in declared.values():
        values = {**asdict(type_), "source": TriggerType.Source.CODE}
        del values["id"]
        if not rows.filter(type_id=type_.id, **values).exists():
            TriggerType.objects.update_or_create(
                namespace="default", type_id=type_.id, defaults=values
            )


def _write_functions(site: SiteFunctions) -> None:
    declared = {function.info.key: function.info for function in site.functions()}
    for row in Function.objects.filter(worker=None):
        if (row.namespace, row.function_id) not in declared:
            row.delete()
    for info in declared.values():
        upsert_function(info, worker_id=None)


def _write_triggers(declared: list[DeclaredTrigger]) -> None:
    """Bring the rows with source ``code`` in line; whether one is enabled is the admin's word."""
    wanted = {(trigger.namespace, trigger.id): trigger for trigger in declared}
    for row in Trigger.objects.filter(source=Trigger.Source.CODE):
        trigger = wanted.pop((row.namespace, row.trigger_id), None)
        if trigger is None:
            row.delete()
        elif _differs(row, trigger):
            for name, value in _values(trigger).items():
                setattr(row, name, value)
            row.save()
    for trigger in wanted.values():
        Trigger.objects.update_or_create(
            namespace=trigger.namespace,
            trigger_id=trigger.id,
            # No worker: a row of one that had the id would go with its connection.
            defaults={**_values(trigger), "worker": None},
        )


def _values(trigger: DeclaredTrigger) -> dict[str, object]:
    return {
        "trigger_type": trigger.type,
        "function_id": trigger.function_id,
        "config": trigger.config,
        "metadata": trigger.metadata,
        "source": Trigger.Source.CODE,
    }


def _differs(row: Trigger, trigger: DeclaredTrigger) -> bool:
    return any(getattr(row, name) != value for name, value in _values(trigger).items())


def _read_everything() -> tuple[int, list[TriggerType], list[Trigger]]:
    # The revision first: a change made in between is read twice rather than missed.
    revision = Change.objects.all().newest_revision()
    return revision, _read_types(), list(Trigger.objects.of_the_site().enabled())


def _read_types() -> list[TriggerType]:
    return list(TriggerType.objects.of_the_site())


def _read_triggers(keys: set[int]) -> list[Trigger]:
    return list(Trigger.objects.of_the_site().filter(pk__in=keys))
