"""One owner for a name: ``III_FUNCTION_CONFLICT = "reject"`` and reserved ids."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from iii_triggers.engine.core import Engine
from iii_triggers.engine.functions import FunctionInfo
from iii_triggers.engine.remote_functions import OfferFacts
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


@pytest.fixture
def strict() -> Iterator[None]:
    with override_settings(III_FUNCTION_CONFLICT="reject"):
        yield


def offer_elsewhere(engine: Engine, function_id: str, *, worker_name: str) -> None:
    """Know of a worker of another node."""
    info = FunctionInfo(function_id=function_id)
    facts = OfferFacts(info=info, worker_name=worker_name)
    engine.functions.remote.replace("other", channel="c", offers={info.key: facts})


def rejections(worker: FakeWorker) -> list[dict[str, Any]]:
    return worker.transport.of_type("registrationrejected")


async def called(caller: FakeWorker, *candidates: FakeWorker) -> list[str]:
    """Return the names of the workers that a call of ``f`` reaches."""
    await caller.start_call("f", {}, invocation_id="c")
    return [str(w.connection.info.name) for w in candidates if w.invocations]


async def test_the_second_worker_of_a_function_is_refused(strict: None, connect: Connect) -> None:
    first = await connect("f", name="first", version="0.23.0")
    second = await connect("f", "g", name="second", version="0.25.0")
    assert rejections(second) == [
        {
            "type": "registrationrejected",
            "code": "FUNCTION_NAMESPACE_CONFLICT",
            "namespace": "default",
            "function_id": "f",
            "owner_worker_id": first.id,
        }
    ]
    assert await called(second, first, second) == ["first"]
    assert second.transport.close_code is None


async def test_an_old_sdk_takes_the_function_over(strict: None, connect: Connect) -> None:
    first = await connect("f", name="first", version="0.25.0")
    second = await connect("f", name="second", version="0.22.1")
    assert not rejections(second)
    assert await called(first, first, second) == ["second"]


async def test_the_old_owner_serves_again_when_the_new_one_goes(
    strict: None, connect: Connect
) -> None:
    first = await connect("f", name="first", version="0.25.0")
    second = await connect("f", name="second", version="0.22.1")
    await second.leave()
    assert await called(first, first) == ["first"]


async def test_another_namespace_is_another_function(strict: None, connect: Connect) -> None:
    await connect("f", name="first", version="0.23.0")
    second = await connect("f", name="second", version="0.23.0", namespace="orders")
    assert not rejections(second)


async def test_the_name_of_a_worker_that_left_is_free(strict: None, connect: Connect) -> None:
    first = await connect("f", name="w", version="0.23.0", pid=1)
    await first.leave()
    second = await connect("f", name="w", version="0.23.0", pid=2)
    assert not rejections(second)


async def test_a_worker_that_came_back_is_not_in_its_own_way(
    strict: None, connect: Connect
) -> None:
    old = await connect("f", name="w", version="0.23.0", pid=1)
    new = await connect("f", name="w", version="0.23.0", pid=1)
    assert not rejections(new)
    assert await called(old, old, new) == ["w"] and new.invocations


async def test_a_second_worker_of_a_name_is_refused_and_closed(
    strict: None, engine: Engine, connect: Connect
) -> None:
    first = await connect(name="w", version="0.23.0", pid=1)
    second = FakeWorker(engine)
    answer = await second.call("engine::workers::register", _facts("w", pid=2))
    assert answer["result"] == {"success": False}
    assert rejections(second) == [
        {
            "type": "registrationrejected",
            "code": "WORKER_NAMESPACE_CONFLICT",
            "namespace": "default",
            "worker_name": "w",
            "owner_worker_id": first.id,
        }
    ]
    await asyncio.sleep(0)
    assert second.transport.close_code == 4409


@pytest.mark.parametrize("version", ["0.22.1", ""])
async def test_names_of_old_sdks_may_be_shared(
    strict: None, engine: Engine, connect: Connect, version: str
) -> None:
    await connect(name="w", version="0.23.0", pid=1)
    second = FakeWorker(engine)
    answer = await second.call("engine::workers::register", _facts("w", pid=2, version=version))
    assert answer["result"] == {"success": True}


@pytest.mark.parametrize("rule", ["balance", "newest"])
async def test_without_the_rule_nobody_is_refused(
    engine: Engine, connect: Connect, rule: str
) -> None:
    with override_settings(III_FUNCTION_CONFLICT=rule):
        await connect("f", name="w", version="0.25.0", pid=1)
        second = await connect("f", name="w", version="0.25.0", pid=2)
    assert not rejections(second)


async def test_a_function_of_another_node_has_an_owner_too(
    strict: None, engine: Engine, connect: Connect
) -> None:
    offer_elsewhere(engine, "f", worker_name="w")
    worker = await connect("f", name="second", version="0.23.0")
    assert [r["owner_worker_id"] for r in rejections(worker)] == [""]


async def test_a_worker_that_moved_to_this_node_is_not_in_its_own_way(
    strict: None, engine: Engine, connect: Connect
) -> None:
    offer_elsewhere(engine, "f", worker_name="w")
    moved = await connect("f", name="w", version="0.23.0")
    assert not rejections(moved)
    assert await called(moved, moved) == ["w"]
    nameless = await connect("f", name=None, version="0.23.0")
    assert rejections(nameless)


async def test_ids_of_the_engine_are_reserved_in_other_namespaces(connect: Connect) -> None:
    worker = await connect("engine::mine", name="w", version="0.23.0", namespace="orders")
    assert [(r["code"], r["owner_worker_id"]) for r in rejections(worker)] == [
        ("FUNCTION_NAMESPACE_CONFLICT", "")
    ]


def _facts(name: str, *, pid: int, version: str = "0.23.0") -> dict[str, Any]:
    return {"name": name, "pid": pid, "version": version}
