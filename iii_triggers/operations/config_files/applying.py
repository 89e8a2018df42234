"""Does what a plan says, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION
from django.db import DatabaseError, transaction

from iii_triggers.models import Trigger, TriggerType
from iii_triggers.models.changes import gathered_changes
from iii_triggers.operations.audit import log_action

from .planning import plan
from .plans import Change, Plan, Row
from .problems import ConfigFileError
from .shapes import TRIGGER, TYPE
from .values import ConfigFile, FileType

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MESSAGE = "Applied a config file."
FLAGS = {"create": ADDITION, "update": CHANGE, "delete": DELETION}


def apply(file: ConfigFile, *, prune: bool, user: User | None = None) -> Plan:
    """Make the site as the file says, all of it or nothing; return what was done.

    ``user`` is who the log of the admin names; without one nothing is logged. Raise
    ConfigFileError.
    """
    with _database_told(), transaction.atomic(), gathered_changes():
        planned = plan(file, prune=prune)
        for change in planned.changes:
            _carry_out(change, user)
    return planned


def look(file: ConfigFile, *, prune: bool) -> Plan:
    """Return what ``apply`` would do. Raise ConfigFileError."""
    with _database_told():
        return plan(file, prune=prune)


@contextmanager
def _database_told() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        reason = str(error).partition("\n")[0]
        message = f"Somebody changed the same rows, or the database is away ({reason}): try again."
        raise ConfigFileError.of(message) from error


def _carry_out(change: Change, user: User | None) -> None:
    row = _create(change, user) if change.row is None else change.row
    if change.action == "update":
        _update(row, change)
    if user is not None:
        log_action(user, row, _message(change), flag=FLAGS[change.action])
    if change.action == "delete":
        row.delete()


def _create(change: Change, user: User | None) -> Row:
    names = TYPE.checks if isinstance(change.item, FileType) else TRIGGER.checks
    values = _columns(change, list(names))
    if isinstance(change.item, FileType):
        return TriggerType.objects.create(**values, source=TriggerType.Source.ADMIN)
    return Trigger.objects.create(**values, created_by=user)


def _update(row: Row, change: Change) -> None:
    """Save what changes and nothing else: the engine may be writing the state."""
    values = _columns(change, change.fields)
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields={*values, "updated_at"})


def _columns(change: Change, names: list[str]) -> dict[str, Any]:
    """Return the values of an item by the names of the model."""
    id_column = "type_id" if isinstance(change.item, FileType) else "trigger_id"
    return {(id_column if name == "id" else name): getattr(change.item, name) for name in names}


def _message(change: Change) -> str:
    if change.action != "update":
        return MESSAGE
    return f"{MESSAGE} Changed: {', '.join(change.fields)}."
