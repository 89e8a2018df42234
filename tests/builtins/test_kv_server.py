"""The key-value server of the oldest SDKs (trigger reference, section 7.4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

ITEM = {"index": "i", "key": "k"}


async def call(worker: FakeWorker, verb: str, **data: Any) -> Any:
    frame = await worker.call(f"kv_server::{verb}", data)
    assert "error" not in frame, frame
    return frame.get("result", ...)


async def test_set_get_update_and_delete(connect: Connect) -> None:
    worker = await connect()
    assert await call(worker, "get", **ITEM) is ...
    assert await call(worker, "set", **ITEM, value={"n": 1}) == {
        "old_value": None,
        "new_value": {"n": 1},
    }
    ops = [{"type": "increment", "path": "n", "by": 1}]
    assert await call(worker, "update", **ITEM, ops=ops) == {
        "old_value": {"n": 1},
        "new_value": {"n": 2},
    }
    assert await call(worker, "get", **ITEM) == {"n": 2}
    assert await call(worker, "delete", **ITEM) == {"old_value": {"n": 2}}
    assert await call(worker, "delete", **ITEM) == {"old_value": None}


async def test_values_are_listed(connect: Connect) -> None:
    worker = await connect()
    for number in (2, 1):
        await call(worker, "set", index="i", key=str(number), value=number)
    assert await call(worker, "list", index="i") == [2, 1]
    assert await call(worker, "list", index="j") == []


async def test_indexes_are_listed_by_prefix(connect: Connect) -> None:
    worker = await connect()
    for index in ("users:1", "users:2", "Users:3", "orders", "users%"):
        await call(worker, "set", index=index, key="k", value=1)
    names = await call(worker, "list_keys_with_prefix", prefix="users")
    assert names == ["users%", "users:1", "users:2"]
    assert len(await call(worker, "list_keys_with_prefix", prefix="")) == 5
    assert await call(worker, "list_keys_with_prefix", prefix="k") == []


async def test_its_values_are_not_those_of_the_state(connect: Connect) -> None:
    worker = await connect()
    await call(worker, "set", **ITEM, value=1)
    assert "result" not in await worker.call("state::get", {"scope": "i", "key": "k"})


@pytest.mark.parametrize(
    "verb", ["get", "set", "delete", "update", "list", "list_keys_with_prefix"]
)
async def test_the_oldest_names_work(connect: Connect, verb: str) -> None:
    data = {**ITEM, "value": 1, "ops": [], "prefix": ""}
    assert "error" not in await (await connect()).call(f"kv_server.{verb}", data)


@pytest.mark.parametrize("verb", ["get", "set", "list", "list_keys_with_prefix"])
async def test_input_of_the_wrong_shape_is_refused(connect: Connect, verb: str) -> None:
    error = (await (await connect()).call(f"kv_server::{verb}", {"index": 1}))["error"]
    assert error["code"] == "deserialization_error"
