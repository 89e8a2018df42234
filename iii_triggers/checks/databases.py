"""Checks of the databases: W002 and W003."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name


def check_databases(**_kwargs: Any) -> list[CheckMessage]:
    """Check that writers wait for each other and that threads give connections back."""
    problems: list[CheckMessage] = []
    for alias, database in settings.DATABASES.items():
        problems += _check_sqlite(alias, database)
        problems += _check_persistence(alias, database)
    return problems


def _check_sqlite(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if database.get("ENGINE") != "django.db.backends.sqlite3":
        return
    mode = database.get("OPTIONS", {}).get("transaction_mode")
    if str(mode).upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
        yield Warning(
            f"Database '{alias}': SQLite without transaction_mode IMMEDIATE fails at once with "
            "'database is locked' when two processes write.",
            hint=f"Set DATABASES['{alias}']['OPTIONS'] = {{'transaction_mode': 'IMMEDIATE', "
            "'timeout': 20, 'init_command': 'PRAGMA journal_mode=WAL;'}.",
            id="iii_triggers.W002",
        )


def _check_persistence(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    max_age = database.get("CONN_MAX_AGE", 0)
    if getattr(settings, "ASGI_APPLICATION", None) and max_age != 0:
        yield Warning(
            f"Database '{alias}': CONN_MAX_AGE={max_age!r} under ASGI leaves a connection open "
            "in every thread.",
            hint="Set CONN_MAX_AGE to 0; on PostgreSQL use OPTIONS['pool'] instead.",
            id="iii_triggers.W003",
        )
