"""Disconnecting workers from any process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import transaction

from iii_triggers.engine.calls import Call
from iii_triggers.engine.core import Engine
from iii_triggers.engine.payload import Payload
from iii_triggers.models import Change, Function, Worker
from iii_triggers.operations.workers import disconnect
from iii_triggers.protocol.errors import InvocationStopped
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]


def ask(worker_id: str) -> None:
    """Ask for it, as any process does."""
    user, _ = User.objects.get_or_create(username="ada")
    disconnect(Worker.objects.get(pk=worker_id), user=user)


async def test_the_node_that_holds_the_connection_closes_it(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    unwanted, other = await connect("f", name="a"), await connect("f", name="b")
    await flush()
    await engine.database.run(ask, unwanted.id)
    await engine.sync.poll()
    assert unwanted.transport.close_code == 1012
    assert other.transport.close_code is None
    assert list(engine.connections) == [other.id]
    await flush()
    rows = await engine.database.run(lambda: list(Worker.objects.values_list("pk", flat=True)))
    assert rows == [other.id]


async def test_what_a_stuck_worker_runs_ends(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    """It answers nothing and takes no close: its functions and its calls are gone all the same."""
    worker = await connect("slow")
    await flush()
    ended: list[Any] = []
    call = Call(function_id="slow", data=Payload.of(None))
    engine.invoker.start(call, ended.append)
    await worker.transport.receive("invokefunction")
    await engine.database.run(ask, worker.id)
    await engine.sync.poll()
    assert isinstance(ended[0], InvocationStopped)
    await flush()
    assert await engine.database.run(Function.objects.filter(function_id="slow").count) == 0


async def test_a_worker_of_another_node_is_left_to_it(
    engine: Engine, connect: Connect, make_worker: Any
) -> None:
    mine = await connect("f")
    elsewhere = await engine.database.run(make_worker)
    await engine.database.run(ask, elsewhere.pk)
    await engine.sync.poll()
    assert list(engine.connections) == [mine.id]


async def test_it_is_asked_for_when_the_transaction_is_committed(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await flush()

    def change_of_mind() -> None:
        with transaction.atomic():
            ask(worker.id)
            transaction.set_rollback(True)

    await engine.database.run(change_of_mind)
    await engine.sync.poll()
    assert list(engine.connections) == [worker.id]


async def test_it_is_not_forgotten_in_a_flood_of_changes(
    engine: Engine, connect: Connect, flush: Flush, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iii_triggers.models.changes.KEEP", 3)
    monkeypatch.setattr("iii_triggers.engine.sync.KEEP", 3)
    worker = await connect("f")
    await flush()
    record = partial(Change.objects.record, Change.Kind.TOKEN, "1")
    for _ in range(5):
        await engine.database.run(record)
    await engine.database.run(ask, worker.id)
    await engine.sync.poll()
    assert worker.transport.close_code == 1012


async def test_it_is_not_forgotten_when_many_rows_change_at_once(
    engine: Engine, connect: Connect, flush: Flush, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iii_triggers.models.changes.KEEP", 3)
    monkeypatch.setattr("iii_triggers.engine.sync.KEEP", 3)
    worker = await connect("f")
    await flush()
    await engine.database.run(ask, worker.id)
    await engine.database.run(Change.objects.record_all, [(Change.Kind.TOKEN, "1")] * 5)
    await engine.sync.poll()
    assert worker.transport.close_code == 1012


def test_the_log_says_who_did_it(make_worker: Any, db: None) -> None:
    worker = make_worker()
    ask(worker.pk)
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("ada", worker.pk)
    assert entry.change_message == "Disconnected."
