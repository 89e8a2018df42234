"""The rows of triggers that calls made: units of database work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from iii_triggers.conf import settings
from iii_triggers.models import Trigger
from iii_triggers.protocol.errors import LimitExceeded, TriggerConflict

VALIDATE = "iii_triggers.trigger_types.validation.validate_trigger"
"""Trigger types are above this layer."""
DECLARED = ("trigger_type", "provider_namespace", "function_id", "config", "metadata")

Before = dict[str, Any] | None
"""What a row held that was replaced; None if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a row shall say."""

    trigger_id: str
    namespace: str
    trigger_type: str
    provider_namespace: str
    """Where the type must be; "" is wherever it is found."""
    function_id: str
    config: Any
    metadata: Any


def save_row(wanted: Wanted) -> Before:
    """Write the row of a trigger, or replace one that such a call made.

    Raise TriggerConflict if somebody else has the id, LimitExceeded if there are too many, and what
    ``validate_trigger`` raises. One that was switched off in the admin stays off.
    """
    try:
        with transaction.atomic():
            return _save(wanted)
    except IntegrityError as error:
        raise _taken(wanted) from error


def undo_row(wanted: Wanted, before: Before) -> None:
    """Make the row what it was before, or remove it."""
    with transaction.atomic():
        row = _row(wanted.namespace, wanted.trigger_id)
        if row is None or row.source != Trigger.Source.API:
            return
        if before is None:
            row.delete()
        else:
            _write(row, before)


def remove_row(namespace: str, trigger_id: str) -> str | None:
    """Remove a row that such a call made; return the source of the row there was, if any.

    A row of another source stays, and that of a worker counts for none.
    """
    with transaction.atomic():
        row = _row(namespace, trigger_id)
        if row is None or row.source == Trigger.Source.WORKER:
            return None
        source = str(row.source)
        if source == Trigger.Source.API:
            row.delete()
        return source


def _save(wanted: Wanted) -> Before:
    row = _row(wanted.namespace, wanted.trigger_id)
    if row is not None and row.source != Trigger.Source.API:
        raise _taken(wanted)
    if row is None:
        _check_limit()
    validate: Callable[..., None] = import_string(VALIDATE)
    validate(
        trigger_type=wanted.trigger_type,
        namespace=wanted.namespace,
        provider_namespace=wanted.provider_namespace,
        config=wanted.config,
        trigger_id=wanted.trigger_id,
        exclude_pk=row.pk if row is not None else None,
    )
    if row is None:
        Trigger.objects.create(**asdict(wanted), source=Trigger.Source.API)
        return None
    before = {name: getattr(row, name) for name in DECLARED}
    _write(row, {name: getattr(wanted, name) for name in DECLARED})
    return before


def _write(row: Trigger, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields={*values, "updated_at"})


def _row(namespace: str, trigger_id: str) -> Trigger | None:
    return Trigger.objects.filter(namespace=namespace, trigger_id=trigger_id).first()


def _check_limit() -> None:
    made = Trigger.objects.filter(source=Trigger.Source.API).count()
    if made >= settings.III_MAX_API_TRIGGERS:
        raise LimitExceeded("There are too many triggers that belong to no worker.")


def _taken(wanted: Wanted) -> TriggerConflict:
    return TriggerConflict(f"Trigger id '{wanted.trigger_id}' is taken by another trigger.")
