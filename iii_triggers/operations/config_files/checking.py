"""Whether trigger types and triggers can be as a file says, by the rules of the types themselves.

Judged by what will be there once all is done: two triggers may swap their routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from iii_triggers.protocol.errors import InvalidConfig
from iii_triggers.trigger_types.json_schema import check_schema
from iii_triggers.trigger_types.validation import (
    Schemas,
    builtin_trigger_types,
    conflict_of,
    validate_config,
)

from .problems import Path
from .values import FileTrigger, FileType, Key

Wrong = tuple[Path, str]
"""Where something is wrong, and what."""


def wrong_types(types: Iterable[FileType]) -> Iterator[Wrong]:
    """Yield what is wrong with the trigger types of a file."""
    builtin = builtin_trigger_types()
    for item in types:
        if item.id in builtin:
            yield (*item.path, "id"), "A built-in trigger type has this id."
        for name in ("config_schema", "call_schema"):
            yield from _wrong_schema((*item.path, name), getattr(item, name))


def wrong_triggers(
    triggers: Iterable[FileTrigger], schemas: Schemas, others: Mapping[Key, FileTrigger]
) -> Iterator[Wrong]:
    """Yield what is wrong with the triggers of a file.

    ``others`` are the triggers of the site that it leaves as they are.
    """
    taken = {claim: item for item in others.values() for claim in _claims(item)}
    for item in triggers:
        yield from _wrong_config(item, schemas)
        for claim in _claims(item):
            rival = taken.setdefault(claim, item)
            if rival is not item:
                yield (*item.path, "config"), _conflict(item, rival, claim)


def _wrong_schema(path: Path, schema: Any) -> Iterator[Wrong]:
    if schema is None:
        return
    try:
        check_schema(schema)
    except InvalidConfig as error:
        yield _with_field(path, error)


def _wrong_config(item: FileTrigger, schemas: Schemas) -> Iterator[Wrong]:
    try:
        validate_config(
            trigger_type=item.trigger_type,
            namespace=item.namespace,
            config=item.config,
            provider_namespace=item.provider_namespace,
            schemas=schemas,
        )
    except InvalidConfig as error:
        yield _with_field((*item.path, "config"), error)


def _claims(item: FileTrigger) -> list[str]:
    """Return what no other enabled trigger of the site may have."""
    if not item.enabled:
        return []
    claim = conflict_of(
        trigger_type=item.trigger_type,
        provider_namespace=item.provider_namespace,
        config=item.config,
    )
    return [] if claim is None else [claim]


def _conflict(item: FileTrigger, rival: FileTrigger, claim: str) -> str:
    return (
        f"'{item.id}' conflicts with trigger '{rival.id}' of namespace '{rival.namespace}': "
        f"only one enabled trigger may have '{claim}'."
    )


def _with_field(path: Path, error: InvalidConfig) -> Wrong:
    return ((*path, error.field) if error.field else path), error.message
