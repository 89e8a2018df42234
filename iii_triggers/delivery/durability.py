"""Commits that need not wait for the disk of the database."""

from __future__ import annotations

from django.db import connection


def do_not_wait_for_disk() -> None:
    """Let the running transaction commit without waiting for the disk, where PostgreSQL can.

    For claims and outcomes only: what a crash of the database server takes back of them is run
    again, and a delivery may run twice anyway. What was accepted is always on disk first. SQLite in
    WAL mode with ``synchronous=NORMAL`` does not wait either.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")
