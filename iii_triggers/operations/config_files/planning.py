"""Compares a config file with the rows of the site. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from iii_triggers.models import Trigger, TriggerType
from iii_triggers.protocol.text import one_line

from .checking import Wrong, wrong_triggers, wrong_types
from .exporting import managed_triggers, managed_types, trigger_of_row, type_of_row
from .plans import Change, Item, Plan, Row, edits_between
from .problems import ConfigFileError
from .values import SOURCES, ConfigFile, FileTrigger, FileType, Key, Managed

UNMANAGED = (
    "The file does not say what it manages, so nothing can be deleted: add "
    "'manages: {sources: [admin]}', or export the file anew."
)


def plan(file: ConfigFile, *, prune: bool) -> Plan:
    """Return what has to change so that the site is as the file says.

    ``prune`` deletes what the file manages and does not name. Raise ConfigFileError, with
    everything that is wrong, if the file cannot be applied.
    """
    if prune and file.managed is None:
        raise ConfigFileError.of(UNMANAGED)
    return _Planner(file, prune=prune).plan()


class _Planner:
    def __init__(self, file: ConfigFile, *, prune: bool) -> None:
        self._file = file
        self._prune = prune
        self._managed = file.managed or Managed()
        self._types = {(row.namespace, row.type_id): row for row in TriggerType.objects.all()}
        triggers = Trigger.objects.of_the_site()
        self._triggers = {(row.namespace, row.trigger_id): row for row in triggers}

    def plan(self) -> Plan:
        """What is deleted goes last: what is created may take over what it held."""
        unnamed_types = _unnamed(managed_types(self._managed), self._types, self._file.types)
        unnamed = _unnamed(managed_triggers(self._managed), self._triggers, self._file.triggers)
        gone = [*unnamed, *unnamed_types] if self._prune else []
        wrong = list(self._wrong(gone))
        if wrong:
            raise ConfigFileError([self._file.document.problem(*one) for one in wrong])
        named = [*self._changes(self._file.types), *self._changes(self._file.triggers)]
        changes = [change for change in named if change is not None]
        return Plan(
            changes=[*changes, *map(_deletion, gone)],
            unchanged=len(named) - len(changes),
            unnamed=len(unnamed) + len(unnamed_types) - len(gone),
        )

    def _wrong(self, gone: Sequence[Row]) -> Iterator[Wrong]:
        yield from self._not_ours()
        yield from wrong_types(self._file.types)
        yield from _still_provided(gone)
        deleted = {row.pk for row in gone if isinstance(row, Trigger)}
        others = {
            key: trigger_of_row(row) for key, row in self._triggers.items() if row.pk not in deleted
        }
        schemas = self._schemas(gone)
        settled = self._settled(schemas)
        others.update({item.key: item for item in self._file.triggers})
        changing = [item for item in self._file.triggers if item.key not in settled]
        for item in changing:
            del others[item.key]
        yield from wrong_triggers(changing, schemas, others)

    def _settled(self, schemas: Mapping[Key, Any]) -> set[Key]:
        """Return the triggers that stay as they are, or are switched off, whatever they hold."""
        if schemas != {key: row.config_schema for key, row in self._types.items()}:
            return set()
        triggers = self._file.triggers
        changes = zip(triggers, self._changes(triggers), strict=True)
        return {item.key for item, change in changes if change is None or _switches_off(change)}

    def _not_ours(self) -> Iterator[Wrong]:
        """Yield what workers and code own; a file may name only what it can manage."""
        workers = Trigger.objects.filter(source=Trigger.Source.WORKER)
        of_workers = set(workers.values_list("namespace", "trigger_id"))
        for trigger in self._file.triggers:
            row = self._triggers.get(trigger.key)
            source = "worker" if trigger.key in of_workers else getattr(row, "source", None)
            if source is not None and source not in self._managed.sources:
                yield (*trigger.path, "id"), _owned(trigger, source)
        for type_ in self._file.types:
            type_row = self._types.get(type_.key)
            if type_row is not None and type_row.source != TriggerType.Source.ADMIN:
                yield (*type_.path, "id"), _owned(type_, type_row.source)

    def _schemas(self, gone: Sequence[Row]) -> dict[Key, Any]:
        """Return the config schemas that there will be."""
        schemas = {key: row.config_schema for key, row in self._types.items() if row not in gone}
        schemas.update({item.key: item.config_schema for item in self._file.types})
        return schemas

    def _changes(self, items: Iterable[Item]) -> Iterator[Change | None]:
        """Yield a change for each item, None for one that is as it should be."""
        for item in items:
            row: Row | None
            if isinstance(item, FileType):
                row = self._types.get(item.key)
            else:
                row = self._triggers.get(item.key)
            yield _change(item, row)


def _change(item: Item, row: Row | None) -> Change | None:
    if row is None:
        return Change(action="create", item=item)
    edits = edits_between(_item_of(row), item)
    return Change(action="update", item=item, row=row, edits=edits) if edits else None


def _switches_off(change: Change) -> bool:
    return change.fields == ["enabled"] and change.edits[0].after is False


def _deletion(row: Row) -> Change:
    return Change(action="delete", item=_item_of(row), row=row)


def _item_of(row: Row) -> Item:
    return type_of_row(row) if isinstance(row, TriggerType) else trigger_of_row(row)


def _unnamed(managed: Any, rows: Mapping[Key, Row], named: Iterable[Item]) -> list[Any]:
    """Return the managed rows that a file does not name, in a stable order."""
    keys = {item.key for item in named}
    pks = set(managed.values_list("pk", flat=True))
    return [rows[key] for key in sorted(rows) if key not in keys and rows[key].pk in pks]


def _still_provided(gone: Sequence[Row]) -> Iterator[Wrong]:
    for row in gone:
        if isinstance(row, TriggerType) and row.worker_id is not None:
            message = f"'{one_line(row.type_id)}' is not in the file, but a worker provides it now."
            yield ("trigger_types",), message


def _owned(item: FileType | FileTrigger, source: str) -> str:
    if source in SOURCES:
        return f"'{item.id}' has source '{source}', which the file does not say that it manages."
    return f"'{item.id}' is taken: it belongs to {OWNERS[source]}, and is changed there."


OWNERS = {
    "code": "the code of the site",
    "worker": "a worker",
    "builtin": "the engine",
}
