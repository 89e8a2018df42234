"""Stores of workers (protocol reference, section 7.8; trigger reference, section 6.5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.models import StreamItem
from iii_triggers.protocol.errors import IiiError
from tests.support.site import declare
from tests.support.threads import in_thread
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]
Answer = Callable[[dict[str, Any]], Any]

GROUP = {"stream_name": "todos", "group_id": "inbox"}
ITEM = {**GROUP, "item_id": "a"}
VERBS = ("get", "set", "delete", "list", "list_groups")
SPELLINGS = ["stream::{}(todos)", "todos.{}", "todos::{}"]


class Items:
    """What a worker keeps of one stream, as the SDKs' ``create_stream`` has it."""

    def __init__(self, *, is_old: bool = False) -> None:
        self.values: dict[str, Any] = {}
        self.calls: list[tuple[str, Any]] = []
        self.is_old = is_old

    def answer(self, function_id: str, data: dict[str, Any]) -> Any:
        verb = next(v for v in ("list_groups", "listGroups", *VERBS) if v in function_id)
        self.calls.append((verb, data))
        return getattr(self, verb)(data)

    def get(self, data: dict[str, Any]) -> Any:
        return self.values.get(data["item_id"])

    def set(self, data: dict[str, Any]) -> Any:
        old = self.values.get(data["item_id"])
        self.values[data["item_id"]] = data["data"]
        return {"old_value": old, "new_value": data["data"]}

    def delete(self, data: dict[str, Any]) -> Any:
        old = self.values.pop(data["item_id"], None)
        return None if self.is_old else {"old_value": old}

    def list(self, data: dict[str, Any]) -> Any:
        return list(self.values.values())

    def list_groups(self, data: dict[str, Any]) -> Any:
        return ["its own"]

    listGroups = list_groups  # noqa: N815 - the name of two pre-releases


@asynccontextmanager
async def serving(worker: FakeWorker, answer: Callable[[str, Any], Any]) -> AsyncIterator[None]:
    """Let a worker answer every call."""

    async def serve() -> None:
        for number in range(1, 1000):
            frame = (await worker.transport.receive("invokefunction", number))[number - 1]
            await worker.answer(frame, result=answer(frame["function_id"], frame["data"]))

    task = asyncio.create_task(serve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def rows() -> int:
    return await in_thread(StreamItem.objects.count)


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_custom_store_takes_the_place_of_ours(connect: Connect, spelling: str) -> None:
    worker, listener = await connect(*map(spelling.format, VERBS)), await connect("heard")
    items = Items(is_old=spelling != SPELLINGS[0])
    await listener.bind("t", "stream", function_id="heard", config={"stream_name": "todos"})
    async with serving(worker, items.answer), serving(listener, lambda *_: None):
        written = await ainvoke("stream::set", {**ITEM, "data": {"n": 1}})
        assert written == {"old_value": None, "new_value": {"n": 1}}
        assert await ainvoke("stream::get", ITEM) == {"n": 1}
        assert await ainvoke("stream::list", GROUP) == [{"n": 1}]
        assert await ainvoke("stream::list_groups", {"stream_name": "todos"}) == ["its own"]
        assert await ainvoke("stream::delete", ITEM) == {"old_value": {"n": 1}}
        assert await ainvoke("stream::delete", ITEM) == {"old_value": None}
        frames = await listener.transport.receive("invokefunction", 2)
    assert ("set", {**ITEM, "data": {"n": 1}}) in items.calls
    assert ("list", GROUP) in items.calls
    assert [frame["data"]["event"]["type"] for frame in frames] == ["create", "delete"]
    assert await rows() == 0


async def test_list_groups_has_another_name_in_two_old_releases(connect: Connect) -> None:
    names = [f"todos.{verb}" for verb in (*VERBS[:4], "listGroups")]
    worker = await connect(*names)
    async with serving(worker, Items().answer):
        assert await ainvoke("stream::list_groups", {"stream_name": "todos"}) == ["its own"]


async def test_functions_that_only_look_like_an_old_store_are_left_alone(connect: Connect) -> None:
    worker = await connect("todos.get", "todos.list", "todos.create", "todos.set")
    await ainvoke("stream::set", {**ITEM, "data": 1})
    assert await ainvoke("stream::get", ITEM) == 1
    assert worker.invocations == []


@pytest.mark.parametrize("name", ["stream", "state", "engine", "kv_server"])
async def test_a_stream_may_be_called_like_functions_of_the_engine(
    engine: Engine, name: str
) -> None:
    item = {"stream_name": name, "group_id": "g", "item_id": "i"}
    await ainvoke("stream::set", {**item, "data": 1})
    assert await ainvoke("stream::get", item) == 1


async def test_a_function_of_the_site_may_be_a_store(engine: Engine) -> None:
    calls: list[Any] = []
    handlers = {
        "stream::get(todos)": lambda data: {"from": "site"},
        "stream::set(todos)": lambda data: calls.append(data) or {"new_value": data["data"]},
    }
    for function_id, handler in handlers.items():
        engine.functions.add_local(declare(engine.site, function_id, handler))
    assert await ainvoke("stream::get", ITEM) == {"from": "site"}
    await ainvoke("stream::set", {**ITEM, "data": [1]})
    assert calls == [{**ITEM, "data": [1]}]


async def test_another_stream_keeps_our_store(connect: Connect) -> None:
    await connect("stream::set(other)")
    await ainvoke("stream::set", {**ITEM, "data": 1})
    assert await rows() == 1


async def test_a_store_in_the_namespace_of_the_caller_is_preferred(
    connect: Connect,
) -> None:
    here, default = await connect(namespace="team"), await connect("stream::get(todos)")
    await here.offer("stream::get(todos)")
    async with serving(here, lambda *_: "team's"), serving(default, lambda *_: "default's"):
        assert (await here.call("stream::get", ITEM))["result"] == "team's"
        assert await ainvoke("stream::get", ITEM) == "default's"


async def test_a_store_that_went_leaves_the_stream_to_ours(connect: Connect) -> None:
    worker = await connect("stream::get(todos)")
    await worker.leave()
    assert await ainvoke("stream::get", ITEM) is None


async def test_an_update_reads_and_writes_where_a_store_has_none(connect: Connect) -> None:
    worker = await connect("stream::get(todos)", "stream::set(todos)")
    items = Items()
    ops = [{"type": "increment", "path": "n", "by": 1}]
    async with serving(worker, items.answer):
        updates = [ainvoke("stream::update", {**ITEM, "ops": ops}) for _ in range(5)]
        results = await asyncio.gather(*updates)
    assert items.values == {"a": {"n": 5}}
    assert [result["new_value"]["n"] for result in results] == [1, 2, 3, 4, 5]
    assert results[0]["old_value"] is None


async def test_an_update_of_the_store_itself_is_called(connect: Connect) -> None:
    worker = await connect("stream::update(todos)")
    ops = [{"type": "set", "path": "n", "value": 1}]
    calls: list[Any] = []

    def update(_: str, data: Any) -> Any:
        calls.append(data)
        return {"old_value": {}, "new_value": {"n": 1}}

    async with serving(worker, update):
        result = await ainvoke("stream::update", {**ITEM, "ops": ops})
    assert result == {"old_value": {}, "new_value": {"n": 1}}
    assert calls == [{**ITEM, "ops": ops}]


@pytest.mark.parametrize(
    ("verb", "code", "what"),
    [
        ("set", "STREAM_SET_ERROR", "set"),
        ("delete", "STREAM_DELETE_ERROR", "delete"),
        ("update", "STREAM_UPDATE_ERROR", "update"),
    ],
)
async def test_what_a_store_must_return(connect: Connect, verb: str, code: str, what: str) -> None:
    worker = await connect(f"stream::{verb}(todos)")
    results: list[Any] = [None, "text", {"new_value": 1}]
    data = {**ITEM, "data": 1, "ops": []}
    async with serving(worker, lambda *_: results.pop(0)):
        with pytest.raises(IiiError) as caught:
            await ainvoke(f"stream::{verb}", data)
        assert caught.value.code == code
        assert caught.value.message == f"Failed to {what} value: Function returned no result"
        with pytest.raises(IiiError) as caught:
            await ainvoke(f"stream::{verb}", data)
        assert caught.value.code == "JSON_ERROR"
        assert caught.value.message.startswith("Failed to convert result to value: ")
        assert (await ainvoke(f"stream::{verb}", data))["old_value"] is None


@pytest.mark.parametrize("verb", ["get", "list", "list_groups"])
async def test_results_and_errors_of_reads_pass_as_they_are(connect: Connect, verb: str) -> None:
    worker = await connect(f"stream::{verb}(todos)")
    task = asyncio.create_task(ainvoke(f"stream::{verb}", ITEM))
    [frame] = await worker.transport.receive("invokefunction")
    await worker.answer(frame, error={"code": "MINE", "message": "no"})
    with pytest.raises(IiiError) as caught:
        await task
    assert (caught.value.code, caught.value.message) == ("MINE", "no")
    task = asyncio.create_task(ainvoke(f"stream::{verb}", ITEM))
    frame = (await worker.transport.receive("invokefunction", 2))[1]
    await worker.answer(frame, result=7)
    assert await task == 7


async def test_an_error_of_a_write_has_the_code_of_the_function(connect: Connect) -> None:
    worker = await connect("stream::set(todos)")
    task = asyncio.create_task(ainvoke("stream::set", {**ITEM, "data": 1}))
    [frame] = await worker.transport.receive("invokefunction")
    await worker.answer(frame, error={"code": "MINE", "message": "full"})
    with pytest.raises(IiiError) as caught:
        await task
    assert caught.value.code == "STREAM_SET_ERROR"
    assert caught.value.message == "Failed to set value: full"


async def test_a_store_with_an_update_of_its_own_need_not_say_what_it_deleted(
    connect: Connect,
) -> None:
    """PyPI 0.2.1 to 0.8.3: their ``delete`` never has a result."""
    names = [f"stream::{verb}(todos)" for verb in (*VERBS, "update")]
    worker = await connect(*names)
    items = Items(is_old=True)
    items.values["a"] = {"n": 1}
    async with serving(worker, items.answer):
        assert await ainvoke("stream::delete", ITEM) == {"old_value": {"n": 1}}
        assert await ainvoke("stream::delete", ITEM) == {"old_value": None}


async def test_the_oldest_sdks_write_the_ids_with_dots(connect: Connect) -> None:
    await connect("anything")
    written = await ainvoke("stream.set", {**ITEM, "data": 1})
    assert written == {"old_value": None, "new_value": 1}
    assert await ainvoke("stream.get", ITEM) == 1
    assert await ainvoke("stream.list_groups", {"stream_name": "todos"}) == ["inbox"]
