"""The thread of the engine for its database work."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from iii_triggers.engine import database
from iii_triggers.engine.core import Engine
from iii_triggers.models import StateItem

needs_a_server = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="a file has no other end that goes away"
)


def raw_connection() -> Any:
    connection.ensure_connection()
    return connection.connection


def fail() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")


def lose_connection() -> None:
    """Let the other end of the connection be gone, without Django having noticed."""
    raw_connection().close()


async def test_the_connection_is_kept(engine: Engine) -> None:
    first = await engine.database.run(raw_connection)
    await engine.database.run(StateItem.objects.count)
    assert await engine.database.run(raw_connection) is first


async def test_a_unit_that_fails_does_not_harm_the_next(engine: Engine) -> None:
    with pytest.raises(DatabaseError):
        await engine.database.run(fail)
    assert await engine.database.run(StateItem.objects.count) == 0


@needs_a_server
async def test_a_connection_that_broke_while_it_was_idle_is_replaced(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.database.run(lose_connection)
    monkeypatch.setattr(database, "IDLE_S", -1.0)
    assert await engine.database.run(StateItem.objects.count) == 0


@needs_a_server
async def test_a_connection_that_broke_in_use_is_replaced(engine: Engine) -> None:
    await engine.database.run(lose_connection)
    with pytest.raises(Exception, match="closed"):
        await engine.database.run(StateItem.objects.count)
    assert await engine.database.run(StateItem.objects.count) == 0


async def test_a_transaction_that_was_left_open_ends(engine: Engine) -> None:
    await engine.database.run(lambda: transaction.set_autocommit(False))
    assert await engine.database.run(transaction.get_autocommit)


async def test_queries_are_not_kept_with_debug(engine: Engine, settings: Any) -> None:
    settings.DEBUG = True
    await engine.database.run(StateItem.objects.count)
    assert await engine.database.run(lambda: len(connection.queries_log)) == 0
