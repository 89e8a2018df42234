"""From a document to the values of a config file, with every mistake of its shape at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .documents import Document
from .problems import ConfigFileError, Path, Problem
from .shapes import FILE, MANAGES, TRIGGER, TYPE, Shape
from .values import SOURCES, ConfigFile, FileTrigger, FileType, Managed


def parse(document: Document) -> ConfigFile:
    """Return the config file that a document is. Raise ConfigFileError."""
    return _Parser(document).file()


class _Parser:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._problems: list[Problem] = []

    def file(self) -> ConfigFile:
        """Read everything before anything is told."""
        values = self._values(self._document.value, FILE, ())
        managed = self._managed(values)
        types = [FileType(**item) for item in self._items(values, "trigger_types", TYPE)]
        triggers = [_trigger(item) for item in self._items(values, "triggers", TRIGGER)]
        self._check_unique(types)
        self._check_unique(triggers)
        if managed is not None:
            self._check_managed(managed, types, triggers)
        if self._problems:
            raise ConfigFileError(self._problems)
        return ConfigFile(managed=managed, types=types, triggers=triggers, document=self._document)

    def _managed(self, values: dict[str, Any]) -> Managed | None:
        if "manages" not in values:
            return None
        return Managed(**self._values(values["manages"], MANAGES, ("manages",)))

    def _items(self, values: dict[str, Any], name: str, shape: Shape) -> Iterator[dict[str, Any]]:
        """Yield the items of a list that can be read, each with the path it came from."""
        for index, item in enumerate(values.get(name, ())):
            path = (name, index)
            problems = len(self._problems)
            read = self._values(item, shape, path)
            if len(self._problems) == problems:
                yield {**read, "path": path}

    def _values(self, value: Any, shape: Shape, path: Path) -> dict[str, Any]:
        """Return the keys of an object whose values are as they must be; tell the others."""
        if not isinstance(value, dict):
            self._tell(path, f"It must be an object with: {', '.join(shape.checks)}.")
            return {}
        for name in sorted(shape.required - value.keys()):
            self._tell(path, f"The key '{name}' is missing.")
        return {key: item for key, item in value.items() if self._is_right(key, item, shape, path)}

    def _is_right(self, key: str, value: Any, shape: Shape, path: Path) -> bool:
        check = shape.checks.get(key)
        if check is None:
            wrong = f"There is no such key here; there are: {', '.join(shape.checks)}."
        else:
            wrong = check(value) or ""
        if wrong:
            self._tell((*path, key), wrong)
        return not wrong

    def _check_unique(self, items: Sequence[FileType] | Sequence[FileTrigger]) -> None:
        seen: dict[Any, Path] = {}
        for item in items:
            if item.key in seen:
                namespace, id_ = item.key
                self._tell((*item.path, "id"), f"'{id_}' is twice in namespace '{namespace}'.")
            seen[item.key] = item.path

    def _check_managed(
        self, managed: Managed, types: Sequence[FileType], triggers: Sequence[FileTrigger]
    ) -> None:
        told = "The file does not say that it manages"
        items: list[FileType | FileTrigger] = [*types, *triggers]
        for item in items:
            if not managed.covers_namespace(item.namespace):
                self._tell(item.path, f"{told} namespace '{item.namespace}'.")
            source = item.source if isinstance(item, FileTrigger) else SOURCES[0]
            if source not in managed.sources:
                self._tell(item.path, f"{told} source '{source}'.")

    def _tell(self, path: Path, message: str) -> None:
        self._problems.append(self._document.problem(path, message))


def _trigger(values: dict[str, Any]) -> FileTrigger:
    """No config is an empty one, as in the admin."""
    config = values.get("config")
    return FileTrigger(**{**values, "config": {} if config is None else config})
