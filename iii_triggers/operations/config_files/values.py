"""A config file as values: what of the site it manages, and what shall be there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from iii_triggers.models import Trigger

from .documents import Document
from .problems import Path

VERSION = 1
SOURCES = (Trigger.Source.ADMIN.value, Trigger.Source.API.value)
"""The sources a file can manage; code and workers own the others."""
HOME = "default"

Key = tuple[str, str]
"""Namespace and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """What of the site a file speaks for; ``--prune`` deletes nothing beyond it."""

    sources: Sequence[str] = SOURCES
    namespaces: Sequence[str] | None = None
    """None is all of them."""

    def covers_namespace(self, namespace: str) -> bool:
        """Tell whether rows of a namespace are managed."""
        return self.namespaces is None or namespace in self.namespaces


@dataclass(frozen=True, slots=True, kw_only=True)
class FileType:
    """A trigger type that the site fires itself; the schemas are JSON Schemas or None."""

    id: str
    namespace: str = HOME
    description: str = ""
    config_schema: Any = None
    call_schema: Any = None
    path: Path = field(default=(), compare=False)

    @property
    def key(self) -> Key:
        """What no two types of a site share."""
        return self.namespace, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTrigger:
    """A trigger of the site; every field but the first two is as in its model."""

    id: str
    namespace: str = HOME
    trigger_type: str
    provider_namespace: str = ""
    function_id: str
    enabled: bool = True
    source: str = SOURCES[0]
    config: Any = field(default_factory=dict)
    metadata: Any = None
    path: Path = field(default=(), compare=False)

    @property
    def key(self) -> Key:
        """What no two triggers of a site share."""
        return self.namespace, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A whole file."""

    managed: Managed | None
    """None when the file does not say."""
    types: Sequence[FileType] = ()
    triggers: Sequence[FileTrigger] = ()
    document: Document = field(default_factory=lambda: Document(value=None), compare=False)
    """What it was read from; it knows the lines."""
