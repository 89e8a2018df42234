"""Commits that need not wait for the disk of the database."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections


def do_not_wait_for_disk(using: str = DEFAULT_DB_ALIAS) -> None:
    """Let the running transaction commit without waiting for the disk, where PostgreSQL can.

    For claims, outcomes and the history only: what a crash of the database server takes back of a
    claim or an outcome is run again, and a delivery may run twice anyway. What was accepted is
    always on disk first. SQLite in
    WAL mode with ``synchronous=NORMAL`` does not wait either.
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")
