"""``stream::*`` on our own store (trigger reference, section 6.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import override_settings

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.models import StreamItem
from iii_triggers.protocol.codec import decode
from iii_triggers.protocol.errors import IiiError
from iii_triggers.store.items import stream_items
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]

GROUP = {"stream_name": "todos", "group_id": "inbox"}
ITEM = {**GROUP, "item_id": "a"}


async def put(item_id: str, data: Any, **names: str) -> Any:
    return await ainvoke("stream::set", {**GROUP, "item_id": item_id, "data": data, **names})


async def fails(function_id: str, data: Any) -> tuple[str, str]:
    with pytest.raises(IiiError) as caught:
        await ainvoke(function_id, data)
    return caught.value.code, caught.value.message


async def test_an_item_is_set_overwritten_and_read(engine: Engine) -> None:
    assert await put("a", {"n": 1}) == {"old_value": None, "new_value": {"n": 1}}
    assert await put("a", {"n": 2}) == {"old_value": {"n": 1}, "new_value": {"n": 2}}
    assert await ainvoke("stream::get", ITEM) == {"n": 2}


async def test_an_item_that_is_not_there_has_no_result(connect: Connect) -> None:
    assert "result" not in await (await connect()).call("stream::get", ITEM)


async def test_a_null_that_was_set_is_a_result(connect: Connect) -> None:
    worker = await connect()
    result = await worker.call("stream::set", {**ITEM, "data": None})
    assert result["result"] == {"old_value": None, "new_value": None}
    assert (await worker.call("stream::get", ITEM))["result"] is None


async def test_a_value_stays_the_text_it_was_sent_as(connect: Connect) -> None:
    worker = await connect()
    text = '{"z":1,"a":123456789012345678901234567890,"nul":"\\u0000"}'
    frame = (
        '{"type":"invokefunction","invocation_id":"i","function_id":"stream::set","data":'
        f'{{"stream_name":"todos","group_id":"inbox","item_id":"a","data":{text}}}}}'
    )
    before = len(worker.results)
    worker.engine.frames.handle(worker.connection, decode(frame))
    await worker.transport.receive("invocationresult", before + 1)
    assert await in_thread(lambda: StreamItem.objects.get().value) == text


async def test_a_value_that_is_too_deep_is_refused(connect: Connect) -> None:
    value: Any = 1
    for _ in range(121):
        value = [value]
    worker = await connect()
    for function_id, more in {
        "stream::set": {"data": value},
        "stream::send": {"type": "t", "data": value},
    }.items():
        error = (await worker.call(function_id, {**ITEM, **more}))["error"]
        assert "120 levels" in error["message"]
    assert await ainvoke("stream::get", ITEM) is None


async def test_what_is_deleted_is_returned_and_gone(engine: Engine) -> None:
    await put("a", 1)
    assert await ainvoke("stream::delete", ITEM) == {"old_value": 1}
    assert await ainvoke("stream::delete", ITEM) == {"old_value": None}
    assert await ainvoke("stream::get", ITEM) is None


async def test_a_group_is_listed_in_the_order_of_its_items(engine: Engine) -> None:
    for item_id in ("b", "a", "c"):
        await put(item_id, item_id)
    await put("b", "again")
    await put("x", "elsewhere", group_id="done")
    assert await ainvoke("stream::list", GROUP) == ["again", "a", "c"]
    assert await ainvoke("stream::list", {**GROUP, "group_id": "none"}) == []


async def test_groups_and_streams_are_listed(engine: Engine) -> None:
    await put("a", 1, group_id="z")
    await put("b", 1, group_id="z")
    await put("a", 1, group_id="b:c")
    await put("a", 1, stream_name="a:b", group_id="g")
    assert await ainvoke("stream::list_groups", {"stream_name": "todos"}) == ["b:c", "z"]
    assert await ainvoke("stream::list_groups", {"stream_name": "none"}) == []
    assert await ainvoke("stream::list_all", {}) == {
        "stream": [{"id": "a:b", "groups": ["g"]}, {"id": "todos", "groups": ["b:c", "z"]}],
        "count": 2,
    }


async def test_an_item_is_updated_with_operations(engine: Engine) -> None:
    ops = [
        {"type": "set", "path": "name", "value": "x"},
        {"type": "increment", "path": "n", "by": 2},
    ]
    first = await ainvoke("stream::update", {**ITEM, "ops": ops})
    assert first == {"old_value": None, "new_value": {"name": "x", "n": 2}}
    second = await ainvoke("stream::update", {**ITEM, "ops": ops[1:]})
    assert second == {"old_value": {"name": "x", "n": 2}, "new_value": {"name": "x", "n": 4}}


async def test_operations_that_fail_are_reported_and_the_others_apply(engine: Engine) -> None:
    await put("a", {"n": "text"})
    ops = [{"type": "increment", "path": "n", "by": 1}, {"type": "set", "path": "m", "value": 1}]
    result = await ainvoke("stream::update", {**ITEM, "ops": ops})
    assert result["new_value"] == {"n": "text", "m": 1}
    assert [error["op_index"] for error in result["errors"]] == [0]


async def test_updates_at_the_same_time_lose_nothing(engine: Engine) -> None:
    ops = [{"type": "increment", "path": "n", "by": 1}]
    update = partial(ainvoke, "stream::update", {**ITEM, "ops": ops})
    await asyncio.gather(*(update() for _ in range(20)))
    assert await ainvoke("stream::get", ITEM) == {"n": 20}


async def test_sending_returns_a_null_and_keeps_nothing(connect: Connect) -> None:
    worker = await connect()
    sent = await worker.call("stream::send", {**GROUP, "type": "typing", "data": {"who": "ada"}})
    assert sent["result"] is None
    assert await ainvoke("stream::list", GROUP) == []


@pytest.mark.parametrize(
    ("function_id", "data"),
    [
        ("stream::set", ITEM),
        ("stream::set", {"data": 1}),
        ("stream::set", {**ITEM, "item_id": 7, "data": 1}),
        ("stream::get", GROUP),
        ("stream::get", None),
        ("stream::delete", []),
        ("stream::list", {"stream_name": "s"}),
        ("stream::list_groups", {}),
        ("stream::send", {**GROUP, "data": 1}),
        ("stream::send", {**GROUP, "type": "x"}),
        ("stream::update", {**ITEM, "ops": {"type": "set"}}),
    ],
)
async def test_input_of_the_wrong_shape_is_refused(
    engine: Engine, function_id: str, data: Any
) -> None:
    code, message = await fails(function_id, data)
    assert code == "deserialization_error"
    assert message.startswith(f"Failed to deserialize input for {function_id}: ")


@pytest.mark.parametrize(
    ("function_id", "data", "expected"),
    [
        ("stream::set", {"data": 1}, ("STREAM_SET_ERROR", "Failed to set value: ")),
        ("stream::get", {}, ("STREAM_GET_ERROR", "Failed to get value: ")),
        ("stream::delete", {}, ("STREAM_DELETE_ERROR", "Failed to delete value: ")),
        ("stream::update", {"ops": []}, ("STREAM_UPDATE_ERROR", "Failed to update value: ")),
        ("stream::list", {}, ("STREAM_GET_GROUP_ERROR", "Failed to get group: ")),
        ("stream::list_groups", {}, ("STREAM_LIST_GROUPS_ERROR", "Failed to list groups: ")),
    ],
)
async def test_a_name_that_cannot_be_stored_is_an_error_with_its_code(
    engine: Engine, function_id: str, data: Any, expected: tuple[str, str]
) -> None:
    for name in ("x" * 513, "nul\0"):
        code, message = await fails(function_id, {**ITEM, "stream_name": name, **data})
        assert code == expected[0]
        assert message.startswith(expected[1])


async def test_an_update_that_is_no_operation_is_an_error(engine: Engine) -> None:
    code, message = await fails("stream::update", {**ITEM, "ops": [{"type": "explode"}]})
    assert code == "STREAM_UPDATE_ERROR"
    assert message.startswith("Failed to update value: ")


async def test_a_value_that_is_too_large_is_an_error(engine: Engine) -> None:
    with override_settings(III_STATE_MAX_VALUE_BYTES=10):
        code, message = await fails("stream::set", {**ITEM, "data": "x" * 100})
    assert code == "STREAM_SET_ERROR"
    assert "exceeds" in message


async def test_a_database_that_fails_is_an_error_without_its_words(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> None:
        raise DatabaseError("no such table: secret")

    monkeypatch.setattr(stream_items, "get", broken)
    code, message = await fails("stream::get", ITEM)
    assert (code, message) == ("STREAM_GET_ERROR", "Failed to get value: The database failed.")
