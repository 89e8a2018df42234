"""Who runs a function when several can."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.connections import WorkerConnection, WorkerInfo
from iii_triggers.engine.functions import FunctionInfo, FunctionTable, LocalFunction, Offer
from iii_triggers.protocol.errors import LimitExceeded
from tests.support.workers import FakeTransport

F = FunctionInfo(function_id="f")


@pytest.fixture
def table() -> FunctionTable:
    return FunctionTable()


def worker(name: str | None = None, pid: int | None = 1) -> WorkerConnection:
    return WorkerConnection(transport=FakeTransport(), info=WorkerInfo(name=name, pid=pid))


def busy(connection: WorkerConnection, calls: int) -> None:
    connection.executing.update({f"{connection.worker_id}{i}": object() for i in range(calls)})  # type: ignore[misc]


def found(table: FunctionTable, function_id: str = "f") -> WorkerConnection:
    target = table.find("default", function_id)
    assert isinstance(target, Offer)
    return target.connection


def local(function_id: str, handler: Any = print) -> LocalFunction:
    return LocalFunction(
        info=FunctionInfo(function_id=function_id), handler=handler, is_async=False
    )


async def test_the_replica_with_the_fewest_calls_in_flight_is_called(table: FunctionTable) -> None:
    replicas = [worker("a"), worker("b"), worker("c")]
    for number, replica in enumerate(replicas):
        table.offer(F, replica)
        busy(replica, [2, 1, 3][number])
    assert found(table) is replicas[1]
    busy(replicas[1], 0)
    replicas[0].executing.clear()
    assert found(table) is replicas[0]


async def test_the_others_serve_on_when_a_replica_goes(table: FunctionTable) -> None:
    first, second = worker("a"), worker("b")
    table.offer(F, first)
    table.offer(F, second)
    busy(second, 9)
    assert table.withdraw("default", "f", first)
    assert found(table) is second
    assert table.withdraw("default", "f", second)
    assert table.find("default", "f") is None
    assert table.namespaces_of("f") == []


async def test_a_reconnected_worker_is_called_on_its_new_connection(table: FunctionTable) -> None:
    old, other, new = worker("a"), worker("b"), worker("a")
    for connection in (old, other, new):
        table.offer(F, connection)
    busy(other, 1)
    busy(new, 1)
    assert found(table) is not old
    table.withdraw("default", "f", new)
    assert found(table) is old


@pytest.mark.parametrize(("name", "pid"), [(None, 1), ("a", None)])
async def test_workers_of_unknown_identity_never_supersede_each_other(
    table: FunctionTable, name: str | None, pid: int | None
) -> None:
    first, second = worker(name, pid), worker(name, pid)
    table.offer(F, first)
    table.offer(F, second)
    busy(second, 1)
    assert found(table) is first


async def test_a_worker_withdraws_only_its_own_offer(table: FunctionTable) -> None:
    owner, stranger = worker("a"), worker("b")
    table.offer(F, owner)
    assert not table.withdraw("default", "f", stranger)
    assert not table.withdraw("default", "unknown", owner)
    assert found(table) is owner


async def test_offering_again_replaces_the_description(table: FunctionTable) -> None:
    owner = worker("a")
    table.offer(F, owner)
    table.offer(FunctionInfo(function_id="f", description="new"), owner)
    [offer] = table.offers()
    assert offer.info.description == "new"
    assert len(list(table.all_offers())) == 1


async def test_the_newest_worker_wins_where_the_site_says_so(table: FunctionTable) -> None:
    first, second = worker("a"), worker("b")
    table.offer(F, first)
    table.offer(F, second)
    busy(second, 5)
    with override_settings(III_FUNCTION_CONFLICT="newest"):
        assert found(table) is second
    assert found(table) is first


@pytest.mark.parametrize("function_id", ["engine::workers::list", "engine.workers.list"])
async def test_a_worker_cannot_take_over_a_function_of_the_engine(
    table: FunctionTable, function_id: str
) -> None:
    builtin = local(function_id)
    table.add_local(builtin)
    table.offer(FunctionInfo(function_id=function_id), worker("a"))
    assert table.find("default", function_id) is builtin


async def test_functions_of_the_engine_are_found_from_every_namespace(
    table: FunctionTable,
) -> None:
    builtin = local("engine::workers::list")
    table.add_local(builtin)
    table.add_local(local("mine"))
    assert table.find("tenant", "engine::workers::list") is builtin
    assert table.find("tenant", "mine") is None


async def test_a_worker_may_offer_only_so_many_functions(table: FunctionTable) -> None:
    owner = worker("a")
    with override_settings(III_MAX_FUNCTIONS_PER_WORKER=1):
        table.offer(F, owner)
        table.offer(F, owner)
        with pytest.raises(LimitExceeded):
            table.offer(FunctionInfo(function_id="g"), owner)
        table.withdraw("default", "f", owner)
        table.offer(FunctionInfo(function_id="g"), owner)
    assert table.find("default", "f") is None
    assert found(table, "g") is owner


async def test_where_a_function_is_known_follows_who_offers_it(table: FunctionTable) -> None:
    here, there = worker("a"), worker("b")
    abroad = FunctionInfo(function_id="f", namespace="tenant")
    table.offer(F, here)
    table.offer(F, there)
    table.offer(abroad, here)
    table.add_local(local("g"))
    table.offer(FunctionInfo(function_id="g"), here)
    assert table.namespaces_of("f") == ["default", "tenant"]
    table.withdraw("default", "f", here)
    table.withdraw("default", "f", there)
    table.withdraw("default", "g", here)
    assert table.namespaces_of("f") == ["tenant"]
    table.withdraw("tenant", "f", here)
    assert table.namespaces_of("f") == []
    assert table.namespaces_of("g") == ["default"]
    assert table.namespaces_of("unknown") == []


async def test_where_a_function_is_known_is_answered_without_looking_at_the_others(
    table: FunctionTable,
) -> None:
    class NotIterable(dict[Any, Any]):
        def __iter__(self) -> Any:
            raise AssertionError("every function was looked at")

    table._offers, table._local = NotIterable(), NotIterable()
    table.offer(F, worker("a"))
    table.add_local(local("g"))
    assert table.namespaces_of("f") == ["default"]
    assert table.namespaces_of("nobody's") == []
