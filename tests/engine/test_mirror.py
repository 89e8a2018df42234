"""What lives in memory, as rows (design, section 4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from iii_triggers.engine import mirror as mirror_module
from iii_triggers.engine import offer_rows
from iii_triggers.engine.core import Engine
from iii_triggers.engine.mirror import TRIGGER, write_batch
from iii_triggers.engine.state_rows import ROWS_AT_ONCE, StateWrite
from iii_triggers.models import Function, Node, Trigger, TriggerType, Worker
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Flush = Callable[[], Awaitable[None]]


def values(model: Any, *names: str) -> list[Any]:
    return sorted(model.objects.values_list(*names, flat=len(names) == 1))


async def test_a_worker_and_all_it_registers_become_rows_and_go_with_it(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f", "g", name="api", version="0.22.0", os="linux", pid=7)
    await worker.bind("t", "http", config={"api_path": "x"}, metadata={"m": 1})
    await worker.bind("p", "later")
    await worker.send("registertriggertype", id="ev", description="Events.")
    await flush()
    run = engine.database.run
    assert await run(values, Worker, "name", "version", "pid", "ip") == [
        ("api", "0.22.0", 7, "127.0.0.1")
    ]
    assert await run(values, Function, "function_id", "worker_id") == [
        ("f", worker.id),
        ("g", worker.id),
    ]
    rows = await run(values, Trigger, "trigger_id", "state", "source", "worker_id")
    assert rows == [
        ("p", "parked", "worker", worker.id),
        ("t", "active", "worker", worker.id),
    ]
    type_rows = await run(values, TriggerType, "type_id", "worker_id")
    assert ("ev", worker.id) in type_rows
    await worker.leave()
    await flush()
    for model in (Worker, Function, Trigger):
        assert not await run(lambda model=model: model.objects.exists())
    assert ("ev", None) in await run(
        lambda: list(TriggerType.objects.values_list("type_id", "worker_id"))
    )


async def test_what_is_withdrawn_disappears_alone(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f", "g")
    await worker.bind("t", "http", config={"api_path": "x"})
    await worker.bind("u", "http", config={"api_path": "y"})
    await flush()
    await worker.send("unregisterfunction", id="f")
    await worker.send("unregistertrigger", id="t")
    await flush()
    assert await engine.database.run(values, Function, "function_id") == ["g"]
    assert await engine.database.run(values, Trigger, "trigger_id") == ["u"]


async def test_a_worker_that_comes_and_goes_between_two_writes_leaves_no_rows(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await worker.bind("t", "http", config={"api_path": "x"})
    await worker.leave()
    await flush()
    for model in (Worker, Function, Trigger):
        assert not await engine.database.run(lambda model=model: model.objects.exists())


async def test_a_reconnect_that_overlaps_keeps_the_rows_of_the_newcomer(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    old = await connect("f", name="a")
    await old.bind("t", "http", config={"api_path": "x"})
    await flush()
    new = await connect("f", name="a")
    await new.bind("t", "http", config={"api_path": "x"})
    await old.leave()
    await flush()
    assert await engine.database.run(values, Trigger, "trigger_id", "worker_id") == [("t", new.id)]
    assert await engine.database.run(values, Function, "worker_id") == [new.id]


async def test_a_trigger_that_moves_to_another_namespace_has_one_row(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect()
    await worker.bind("t", "http", config={"api_path": "x"})
    await flush()
    await worker.bind("t", "http", config={"api_path": "x"}, namespace="tenant")
    await flush()
    assert await engine.database.run(values, Trigger, "trigger_id", "namespace") == [
        ("t", "tenant")
    ]


async def test_a_row_that_cannot_be_written_does_not_block_the_others(
    engine: Engine, connect: Connect, flush: Flush, monkeypatch: pytest.MonkeyPatch
) -> None:
    upsert = offer_rows.upsert_function

    def refuse_one(info: Any, **options: Any) -> None:
        if info.function_id == "bad":
            raise IntegrityError("refused")
        upsert(info, **options)

    def refuse_all(*_: Any, **__: Any) -> None:
        raise IntegrityError("one of them is refused")

    monkeypatch.setattr(offer_rows, "upsert_function", refuse_one)
    monkeypatch.setattr(Function.objects, "bulk_create", refuse_all)
    worker = await connect("a", "bad", "z")
    await worker.bind("t", "later")
    await flush()
    assert await engine.database.run(values, Function, "function_id") == ["a", "z"]
    assert await engine.database.run(values, Trigger, "trigger_id") == ["t"]


async def test_what_is_offered_again_with_another_description_has_one_row(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f", *(f"f.{number}" for number in range(600)))
    await flush()
    made_at = await engine.database.run(lambda: Function.objects.get(function_id="f").registered_at)
    await worker.send("registerfunction", id="f", description="New.", metadata={"a": [1]})
    await flush()
    run = engine.database.run
    assert await run(Function.objects.filter(worker__isnull=False).count) == 601
    row = await run(lambda: Function.objects.get(function_id="f"))
    assert (row.description, row.metadata, row.request_format) == ("New.", {"a": [1]}, None)
    assert row.registered_at == made_at
    assert await run(Function.objects.filter(request_format__isnull=True, function_id="f").exists)


async def test_text_that_postgresql_cannot_store_does_not_block_the_others(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await worker.bind("bad", "later", config={"text": "a\0b"})
    await worker.bind("good", "later", namespace="x" * 300)
    await worker.bind("last", "later")
    await flush()
    assert "last" in await engine.database.run(values, Trigger, "trigger_id")


async def test_a_batch_is_kept_while_the_database_is_away_and_newer_facts_win(
    engine: Engine, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(writes: Any) -> None:
        raise OperationalError("gone")

    worker = await connect("f", "g")
    write_all = mirror_module._write_all
    monkeypatch.setattr(mirror_module, "_write_all", away)
    batch = engine.mirror.take()
    with pytest.raises(OperationalError):
        await engine.database.run(write_batch, batch)
    await worker.send("unregisterfunction", id="g")
    engine.mirror.put_back(batch)
    monkeypatch.setattr(mirror_module, "_write_all", write_all)
    await engine.database.run(write_batch, engine.mirror.take())
    assert await engine.database.run(values, Function, "function_id") == ["f"]
    assert not engine.mirror.is_dirty


async def test_a_trigger_of_a_worker_never_overwrites_a_row_of_the_site(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect()
    await worker.bind("t", "later")
    await engine.database.run(
        lambda: Trigger.objects.create(trigger_id="t", trigger_type="x", function_id="sites")
    )
    await flush()
    assert await engine.database.run(values, Trigger, "function_id", "source") == [
        ("sites", "admin")
    ]


def test_states_of_many_triggers_are_written_together(
    db: None, django_assert_max_num_queries: Any
) -> None:
    rows = [
        Trigger(trigger_id=f"t{n}", trigger_type="http", function_id="f", enabled=n != 7)
        for n in range(ROWS_AT_ONCE + 5)
    ]
    Trigger.objects.bulk_create(rows)
    states = [("active", "")] * len(rows)
    states[3] = ("rejected", "No.")
    writes = {n: (TRIGGER, StateWrite(row.pk, *states[n])) for n, row in enumerate(rows)}
    with django_assert_max_num_queries(5):  # three updates in a transaction
        write_batch(writes)
    stored = dict(Trigger.objects.values_list("trigger_id", "state"))
    assert (stored.pop("t3"), stored.pop("t7")) == ("rejected", "parked")
    assert set(stored.values()) == {"active"}
    assert Trigger.objects.get(trigger_id="t3").error == "No."


async def test_a_type_that_an_admin_described_keeps_the_description(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    def describe() -> None:
        TriggerType.objects.create(type_id="ev", description="The admin's.", source="admin")

    await engine.database.run(describe)
    await engine.sync.poll()
    worker = await connect()
    await worker.send("registertriggertype", id="ev", description="The worker's.")
    await flush()
    row = await engine.database.run(lambda: TriggerType.objects.get(type_id="ev"))
    assert (row.description, row.source, row.worker_id) == ("The admin's.", "admin", worker.id)


async def test_everything_is_written_again_after_another_node_swept_this_one(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await worker.bind("t", "later")
    await flush()
    await engine.database.run(lambda: Node.objects.all().delete())
    assert await engine.database.run(values, Worker, "worker_id") == []
    await engine._beat()
    await flush()
    assert await engine.database.run(values, Worker, "worker_id") == [worker.id]
    assert await engine.database.run(values, Function, "function_id") == ["f"]
    assert await engine.database.run(values, Trigger, "trigger_id") == ["t"]


async def test_stopping_leaves_no_rows_of_workers_and_nodes(
    engine: Engine, connect: Connect, flush: Flush
) -> None:
    worker = await connect("f")
    await flush()
    await engine.stop()
    assert worker.transport.close_code == 1012
    for model in (Worker, Function, Node):
        assert not await engine.database.run(lambda model=model: model.objects.exists())
    await engine.database.stop()
