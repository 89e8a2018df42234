"""Loads the rows; indexes are made afterwards, which takes a third of the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from .rows import STATEMENTS, TYPES

INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename LIKE 'iii_triggers_%' AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many rows there are."""

    runs: int
    triggers: int
    deliveries: int


def load(url: str, size: Size, say: Callable[[str], None]) -> None:
    """Fill the tables of a migrated database."""
    numbers = {"runs": size.runs, "triggers": size.triggers, "deliveries": size.deliveries}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '256MB'")
        indexes = connection.execute(INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"'.encode())
        for what, statement in STATEMENTS.items():
            say(f"  {what}")
            connection.execute(statement.format(types=TYPES, **numbers).encode())
        say("  indexes")
        for _, definition in indexes:
            connection.execute(definition.encode())
        connection.execute("VACUUM ANALYZE")
