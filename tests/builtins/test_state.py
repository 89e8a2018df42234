"""The functions of the state (trigger reference, section 7.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import OperationalError

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.models import StateItem
from iii_triggers.protocol.errors import IiiError, InvocationTimeout, SerializationFailed
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

ITEM = {"scope": "s", "key": "k"}


async def call(worker: FakeWorker, function_id: str, **data: Any) -> Any:
    """Call a function and return its result; ``...`` stands for "no result"."""
    frame = await worker.call(function_id, data)
    assert "error" not in frame, frame
    return frame.get("result", ...)


async def failure(worker: FakeWorker, function_id: str, data: Any) -> tuple[str, str]:
    error = (await worker.call(function_id, data))["error"]
    return error["code"], error["message"]


@pytest.mark.parametrize("name", ["value", "data"])
async def test_a_value_is_set_under_both_names(connect: Connect, name: str) -> None:
    worker = await connect()
    set_ = "state::set"
    value = {"z": 1, "a": [None, 1.5, "é"]}
    first = await call(worker, set_, **ITEM, **{name: value})
    assert first == {"old_value": None, "new_value": value}
    again = await call(worker, set_, **ITEM, **{name: 2})
    assert again == {"old_value": value, "new_value": 2}
    assert await call(worker, "state::get", **ITEM) == 2


async def test_nothing_is_told_from_null(connect: Connect) -> None:
    worker = await connect()
    assert await call(worker, "state::get", **ITEM) is ...
    await call(worker, "state::set", **ITEM, value=None)
    assert await call(worker, "state::get", **ITEM) is None
    assert await call(worker, "state::delete", **ITEM) is None
    assert await call(worker, "state::delete", **ITEM) is ...


async def test_a_value_stays_the_text_it_was(engine: Engine, connect: Connect) -> None:
    worker = await connect()
    value = {"b": "\0", "a": 123456789012345678901234567890}
    await call(worker, "state::set", **ITEM, value=value)
    assert await call(worker, "state::get", **ITEM) == value
    stored = await engine.database.run(StateItem.objects.get)
    assert stored.value == '{"b": "\\u0000", "a": 123456789012345678901234567890}'
    assert (stored.store, stored.scope, stored.key) == ("state", "s", "k")


async def test_values_and_scopes_are_listed(connect: Connect) -> None:
    worker = await connect()
    assert await call(worker, "state::list", scope="s") == []
    assert await call(worker, "state::list_groups") == {"groups": []}
    for scope, key in (("s", "2"), ("s", "1"), ("r", "3")):
        await call(worker, "state::set", scope=scope, key=key, value=key)
    assert await call(worker, "state::list", scope="s") == ["2", "1"]
    assert await call(worker, "state::list_groups") == {"groups": ["r", "s"]}
    await call(worker, "state::delete", scope="r", key="3")
    assert await call(worker, "state::list_groups") == {"groups": ["s"]}


async def test_a_value_is_updated(connect: Connect) -> None:
    worker = await connect()
    ops = [{"type": "increment", "path": "n", "by": 2}, {"type": "set", "path": "a", "value": 1}]
    updated = await call(worker, "state::update", **ITEM, ops=ops)
    assert updated == {"old_value": None, "new_value": {"n": 2, "a": 1}}
    ops = [{"type": "append", "path": "n", "value": 1}, {"type": "remove", "path": "a"}]
    updated = await call(worker, "state::update", **ITEM, ops=ops)
    (problem,) = updated.pop("errors")
    assert (problem["op_index"], problem["code"]) == (0, "append.type_mismatch")
    assert updated == {"old_value": {"n": 2, "a": 1}, "new_value": {"n": 2}}


@pytest.mark.parametrize("verb", ["get", "set", "delete", "update", "list", "list_groups"])
async def test_the_oldest_names_work(connect: Connect, verb: str) -> None:
    worker = await connect()
    frame = await worker.call(f"state.{verb}", {**ITEM, "value": 1, "ops": []})
    assert "error" not in frame


@pytest.mark.parametrize(
    ("function_id", "data", "detail"),
    [
        ("state::set", {}, "scope"),
        ("state::set", ITEM, "missing field `value`"),
        ("state::set", {"scope": 1, "key": "k", "value": 1}, "scope"),
        ("state::get", {"scope": "s"}, "key"),
        ("state::get", [], "array"),
        ("state::delete", None, "scope"),
        ("state::list", {}, "scope"),
        ("state::update", ITEM, "ops"),
        ("state::update", {**ITEM, "ops": [{"type": "explode"}]}, "explode"),
        ("state::update", {**ITEM, "ops": [{"type": "increment", "path": "n"}]}, "by"),
    ],
)
async def test_input_of_the_wrong_shape_is_refused(
    connect: Connect, function_id: str, data: Any, detail: str
) -> None:
    code, message = await failure(await connect(), function_id, data)
    assert code == "deserialization_error"
    assert message.startswith(f"Failed to deserialize input for {function_id}: ")
    assert detail in message


@pytest.mark.parametrize("key", ["", "x" * 513, "a\0b"])
async def test_an_impossible_key_is_refused(connect: Connect, key: str) -> None:
    worker = await connect()
    for verb in ("get", "set", "delete", "update"):
        data = {"scope": "s", "key": key, "value": 1, "ops": []}
        assert (await failure(worker, f"state::{verb}", data))[0] == "INVALID_KEY"


async def test_a_value_that_is_too_large_is_refused(connect: Connect, settings: Any) -> None:
    settings.III_STATE_MAX_VALUE_BYTES = 10
    worker = await connect()
    assert await failure(worker, "state::set", {**ITEM, "value": "123456789"}) == (
        "VALUE_TOO_LARGE",
        "value of 11 bytes exceeds the configured max_value_bytes limit of 10",
    )


async def test_a_value_that_is_too_deep_is_refused(connect: Connect) -> None:
    value: Any = 1
    for _ in range(121):
        value = [value]
    code, _ = await failure(await connect(), "state::set", {**ITEM, "value": value})
    assert code == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("verb", "code", "message"),
    [
        ("get", "GET_ERROR", "Failed to get value: "),
        ("set", "SET_ERROR", "Failed to set value: "),
        ("delete", "DELETE_ERROR", "Failed to delete value: "),
        ("update", "UPDATE_ERROR", "Failed to update value: "),
        ("list", "LIST_ERROR", "Failed to list values: "),
        ("list_groups", "LIST_GROUPS_ERROR", "Failed to list groups: "),
    ],
)
async def test_a_database_that_fails_is_told_without_details(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, verb: str, code: str, message: str
) -> None:
    def fail(*args: Any) -> None:
        raise OperationalError("no connection to db.internal")

    worker = await connect()
    monkeypatch.setattr("iii_triggers.store.items.ItemStore._rows", fail)
    found = await failure(worker, f"state::{verb}", {**ITEM, "value": 1, "ops": []})
    assert found == (code, f"{message}the database failed")


async def test_the_site_uses_the_functions_too(engine: Engine) -> None:
    written = await ainvoke("state::set", {**ITEM, "value": {"n": 1}})
    assert written == {"old_value": None, "new_value": {"n": 1}}
    assert await ainvoke("state::get", ITEM) == {"n": 1}
    with pytest.raises(SerializationFailed):
        await ainvoke("state::set", {**ITEM, "value": object()})
    with pytest.raises(IiiError) as caught:
        await ainvoke("state::set", {"scope": "s", "key": "\ud800", "value": 1})
    assert caught.value.code == "serialization_error"


async def test_a_caller_that_gives_up_does_not_keep_others_waiting(engine: Engine) -> None:
    with pytest.raises(InvocationTimeout):
        await ainvoke("state::set", {**ITEM, "value": 1}, timeout_s=0)
    # Whether that was written is open; what comes next works.
    written = await ainvoke("state::set", {**ITEM, "value": 2})
    assert written["new_value"] == 2


async def test_many_updates_at_once_all_count(engine: Engine) -> None:
    add = {**ITEM, "ops": [{"type": "increment", "path": "n", "by": 1}]}
    await asyncio.gather(*(ainvoke("state::update", add) for _ in range(50)))
    assert await ainvoke("state::get", ITEM) == {"n": 50}
