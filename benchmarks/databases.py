"""Databases of their own for sites that are measured or maltreated; gone afterwards."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.services import find_postgres

WAIT_S = 20.0

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Database:
    """A database by its URL; read past all processes of the site."""

    url: str

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.url.startswith("sqlite:")

    def query(self, sql: str) -> list[Row]:
        """Return the rows of a SELECT that both kinds of database understand."""
        if not self.is_sqlite:
            return _query_postgres(self.url, sql)
        path = self.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=WAIT_S)) as connection:
            return connection.execute(sql).fetchall()


def sqlite_database(folder: Path) -> Database:
    """Return a database in a folder, which goes with it."""
    return Database(f"sqlite:///{folder / 'db.sqlite3'}")


@contextmanager
def postgres_database(name: str) -> Iterator[Database]:
    """Create a database on the PostgreSQL of the tests and drop it at the end.

    Raise ServiceUnavailable where there is no PostgreSQL.
    """
    server = find_postgres()
    unique = f"iii_{name}_{os.getpid()}"
    _execute(server, f'CREATE DATABASE "{unique}"')
    try:
        yield Database(urlsplit(server)._replace(path=f"/{unique}").geturl())
    finally:
        _execute(server, f'DROP DATABASE "{unique}" WITH (FORCE)')


def kept_database(name: str) -> Database:
    """Return a database on the PostgreSQL of the tests that stays, created if it is missing.

    Raise ServiceUnavailable where there is no PostgreSQL.
    """
    import psycopg

    server = find_postgres()
    with suppress(psycopg.errors.DuplicateDatabase):
        _execute(server, f'CREATE DATABASE "{name}"')
    return Database(urlsplit(server)._replace(path=f"/{name}").geturl())


def _query_postgres(url: str, sql: str) -> list[Row]:
    import psycopg

    with psycopg.connect(url) as connection:
        # Every statement of a measurement is written out in its module.
        return connection.execute(sql.encode()).fetchall()


def _execute(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
