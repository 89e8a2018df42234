"""From the rows of the site to a config file: the same rows always give the same text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from django.db.models import QuerySet

from iii_triggers.models import Trigger, TriggerType

from .documents import GREATEST_INT, LEAST_INT
from .shapes import TRIGGER, TYPE, Shape
from .values import SOURCES, VERSION, FileTrigger, FileType, Managed

ALWAYS = ("id", "trigger_type", "function_id", "config")
"""Keys that are written whatever they hold; of the others, defaults are left out."""


def export(managed: Managed) -> dict[str, Any]:
    """Return what a file says of the rows that are there now."""
    types = sorted(map(type_of_row, managed_types(managed)), key=lambda item: item.key)
    triggers = sorted(map(trigger_of_row, managed_triggers(managed)), key=lambda item: item.key)
    return {
        "version": VERSION,
        "manages": _manages(managed),
        "trigger_types": [_written(item, TYPE) for item in types],
        "triggers": [_written(item, TRIGGER) for item in triggers],
    }


def managed_types(managed: Managed) -> QuerySet[TriggerType]:
    """Return the trigger types made in the admin, if those are managed."""
    rows = TriggerType.objects.filter(source=TriggerType.Source.ADMIN)
    return _within(rows, managed) if SOURCES[0] in managed.sources else rows.none()


def managed_triggers(managed: Managed) -> QuerySet[Trigger]:
    """Return the triggers of the managed sources."""
    return _within(Trigger.objects.filter(source__in=managed.sources), managed)


def type_of_row(row: TriggerType) -> FileType:
    """Return what a file says of a trigger type."""
    return FileType(
        id=row.type_id,
        namespace=row.namespace,
        description=row.description,
        config_schema=row.config_schema,
        call_schema=row.call_schema,
    )


def trigger_of_row(row: Trigger) -> FileTrigger:
    """Return what a file says of a trigger."""
    return FileTrigger(
        id=row.trigger_id,
        namespace=row.namespace,
        trigger_type=row.trigger_type,
        provider_namespace=row.provider_namespace,
        function_id=row.function_id,
        enabled=row.enabled,
        source=row.source,
        config={} if row.config is None else row.config,
        metadata=row.metadata,
    )


def tidy(value: Any) -> Any:
    """Return a JSON value in one form: keys in order, whole numbers without a fraction.

    PostgreSQL keeps neither the order of keys nor the exponent of a number.
    """
    if isinstance(value, dict):
        return {key: tidy(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [tidy(item) for item in value]
    if isinstance(value, float) and value.is_integer() and LEAST_INT <= value <= GREATEST_INT:
        return int(value)
    is_too_large = type(value) is int and not LEAST_INT <= value <= GREATEST_INT
    return float(value) if is_too_large else value


def _within(rows: QuerySet[Any], managed: Managed) -> QuerySet[Any]:
    if managed.namespaces is None:
        return rows
    return rows.filter(namespace__in=managed.namespaces)


def _manages(managed: Managed) -> dict[str, Sequence[str]]:
    said: dict[str, Sequence[str]] = {"sources": sorted(managed.sources)}
    if managed.namespaces is not None:
        said["namespaces"] = sorted(managed.namespaces)
    return said


def _written(item: FileType | FileTrigger, shape: Shape) -> dict[str, Any]:
    defaults = {field.name: field.default for field in fields(item)}
    values = {name: getattr(item, name) for name in shape.checks}
    return {
        name: tidy(value)
        for name, value in values.items()
        if name in ALWAYS or value != defaults[name]
    }
