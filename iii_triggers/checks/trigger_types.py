"""Checks of the built-in trigger types: E005 to E007, and what the types themselves find."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from iii_triggers.conf import settings
from iii_triggers.trigger_types.base import TriggerRegistrator


def check_trigger_types(**_kwargs: Any) -> list[CheckMessage]:
    """Check that every path leads to a type, that ids are unique, and run the types' checks."""
    paths = settings.III_TRIGGER_TYPES
    if not isinstance(paths, (list, tuple)):
        return []
    problems: list[CheckMessage] = []
    registrators: list[TriggerRegistrator] = []
    for path in paths:
        loaded = _load(path)
        if isinstance(loaded, Error):
            problems.append(loaded)
        else:
            registrators.append(loaded)
    problems += _check_ids(registrators)
    for registrator in registrators:
        problems += registrator.run_checks()
    return problems


def _load(path: Any) -> TriggerRegistrator | Error:
    try:
        registrator = import_string(path)
    except (ImportError, AttributeError, TypeError) as error:
        return Error(
            f"III_TRIGGER_TYPES: {path!r} cannot be imported: {error}",
            hint="Every entry is the dotted path of a class.",
            id="iii_triggers.E005",
        )
    is_class = inspect.isclass(registrator) and issubclass(registrator, TriggerRegistrator)
    if not is_class or inspect.isabstract(registrator) or not registrator.id:
        return Error(
            f"III_TRIGGER_TYPES: {path!r} is not a trigger type.",
            hint="It must be a subclass of TriggerRegistrator with an id, register_trigger and "
            "unregister_trigger.",
            id="iii_triggers.E006",
        )
    loaded: TriggerRegistrator = registrator()
    return loaded


def _check_ids(registrators: list[TriggerRegistrator]) -> Iterator[CheckMessage]:
    ids = Counter(
        type_id
        for registrator in registrators
        for type_id in (registrator.id, *registrator.aliases)
    )
    for type_id, count in ids.items():
        if count > 1:
            yield Error(
                f"III_TRIGGER_TYPES: {count} trigger types have the id or alias {type_id!r}.",
                hint="Remove all but one of them.",
                id="iii_triggers.E007",
            )
