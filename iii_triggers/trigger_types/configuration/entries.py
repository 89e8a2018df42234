"""Units of database work on configurations. Each is atomic, whatever other nodes do meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from iii_triggers.models import Configuration
from iii_triggers.protocol.codec import from_json, to_json
from iii_triggers.protocol.errors import IiiError, InvalidArguments, InvalidConfig, NotFound
from iii_triggers.protocol.json_values import check_json
from iii_triggers.store.items import ValueTooLarge, check_depth
from iii_triggers.store.races import RACES, outlast_races
from iii_triggers.trigger_types.json_schema import check_schema, check_value

from .changes import ConfigurationChange
from .placeholders import ExpandFailed, expand

ID = re.compile(r"[a-z0-9_-]{1,64}")
MAX_BYTES = 1024 * 1024
"""Largest value, schema or metadata, as JSON: each is validated and shown as a whole."""
MAX_NAME_LENGTH = 255


class InvalidId(IiiError):
    """An id has 1 to 64 of the characters a-z, 0-9, _ and -."""

    code = "INVALID_ID"


class SchemaInvalid(IiiError):
    """The schema cannot be used, or does not allow the value."""

    code = "SCHEMA_INVALID"


class SchemaUnavailable(IiiError):
    """The stored schema cannot be used."""

    code = "SCHEMA_UNAVAILABLE"


class NotRegistered(IiiError):
    """The configuration is not registered."""

    code = "NOT_REGISTERED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is registered; ``initial_value`` is JSON text."""

    id: str
    name: str
    description: str
    schema: Any
    initial_value: str | None
    metadata: Any


def register(wish: Registration) -> ConfigurationChange:
    """Register a configuration, or describe a known one anew; its value stays unless one is given.

    Raise InvalidId, SchemaInvalid, InvalidArguments, LimitExceeded, ValueTooLarge.
    """
    _check_registration(wish)

    def write() -> ConfigurationChange:
        row = Configuration.objects.select_for_update().filter(config_id=wish.id).first()
        old = None if row is None else row.value
        row = row or Configuration(config_id=wish.id)
        row.name, row.description = wish.name, wish.description
        row.schema, row.metadata = wish.schema, wish.metadata
        if wish.initial_value is not None:
            row.value = wish.initial_value
        row.save()
        return ConfigurationChange(event_type="registered", row=row, old=old, new=row.value)

    return outlast_races(write)


def set_value(id_: str, value: str) -> ConfigurationChange:
    """Replace the value (JSON text) of a configuration.

    Raise NotRegistered, SchemaInvalid, SchemaUnavailable, LimitExceeded, ValueTooLarge.
    """
    for _ in range(RACES):
        schema = _registered(Configuration.objects.all(), id_).schema
        # Outside the transaction: a schema may take seconds to check, and on SQLite a transaction
        # keeps every other writer of the site out.
        check_against(value, schema)
        change = _replace(id_, value, schema)
        if change is not None:
            return change
    raise SchemaUnavailable("The schema changes all the time.")


def _replace(id_: str, value: str, schema: Any) -> ConfigurationChange | None:
    """Replace a value that was checked against ``schema``; None if there is another one now."""
    with transaction.atomic():
        row = _registered(Configuration.objects.select_for_update(), id_)
        if row.schema != schema:
            return None
        old, row.value = row.value, value
        row.save(update_fields=["value", "updated_at"])
    return ConfigurationChange(event_type="updated", row=row, old=old, new=value)


def _registered(rows: QuerySet[Configuration], id_: str) -> Configuration:
    row = _named(rows, id_)
    if row is None:
        raise NotRegistered(f"Configuration '{id_}' is not registered.")
    return row


def _named(rows: QuerySet[Configuration], id_: str) -> Configuration | None:
    # PostgreSQL fails when it is asked for a NUL character.
    return rows.filter(config_id=id_).first() if ID.fullmatch(id_) else None


def find(id_: str) -> Configuration:
    """Return a configuration. Raise NotFound."""
    row = _named(Configuration.objects.all(), id_)
    if row is None:
        raise NotFound(f"Configuration '{id_}' not found.")
    return row


def check_against(text: str, schema: Any) -> None:
    """Check a value (JSON text) against a schema, expanded; one with unset variables passes.

    Raise SchemaInvalid, SchemaUnavailable, LimitExceeded, ValueTooLarge.
    """
    _check_size(text.encode())
    value = from_json(text)
    check_depth(value)
    try:
        check_schema(schema)
        value = expand(value)
    except InvalidConfig as error:
        raise SchemaUnavailable(error.message) from error
    except ExpandFailed:
        return
    _as_schema_error(lambda: check_value(value, schema))


def _check_registration(wish: Registration) -> None:
    if not ID.fullmatch(wish.id):
        raise InvalidId()
    if len(wish.name) > MAX_NAME_LENGTH:
        raise InvalidArguments(f"A name has at most {MAX_NAME_LENGTH} characters.")
    for part in (wish.name, wish.description, wish.schema, wish.metadata):
        check_json(part)
        _check_size(to_json(part))
    _as_schema_error(lambda: check_schema(wish.schema))
    if wish.initial_value is not None:
        check_against(wish.initial_value, wish.schema)


def _as_schema_error(check: Callable[[], None]) -> None:
    try:
        check()
    except InvalidConfig as error:
        raise SchemaInvalid(error.message) from error


def _check_size(text: bytes) -> None:
    if len(text) > MAX_BYTES:
        raise ValueTooLarge.of(len(text), MAX_BYTES)
