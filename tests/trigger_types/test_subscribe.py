"""Fan-out: every subscription gets every message of its topic (trigger reference, section 5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from iii_triggers import ainvoke
from iii_triggers.engine.core import Engine
from iii_triggers.protocol.errors import IiiError, InvalidInput
from tests.support.eventually import eventually
from tests.support.site import declare
from tests.support.workers import FakeWorker

Connect = Callable[..., Awaitable[FakeWorker]]


async def subscribe(
    worker: FakeWorker, id_: str, function_id: str, topic: Any, **more: Any
) -> None:
    await worker.send(
        "registertrigger",
        id=id_,
        trigger_type="subscribe",
        function_id=function_id,
        config={"topic": topic},
        **more,
    )


def received(worker: FakeWorker, function_id: str) -> list[Any]:
    return [i["data"] for i in worker.invocations if i["function_id"] == function_id]


@pytest.mark.parametrize("data", [{"a": 1}, [1], "text", 0, False, None])
async def test_every_subscriber_gets_the_data_as_it_was_published(
    connect: Connect, data: Any
) -> None:
    worker, other = await connect("f", "g"), await connect("h")
    await subscribe(worker, "1", "f", "news")
    await subscribe(worker, "2", "g", "news")
    await subscribe(other, "3", "h", "news")
    result = await other.call("publish", {"topic": "news", "data": data})
    assert "error" not in result and "result" not in result
    assert received(worker, "f") == received(worker, "g") == received(other, "h") == [data]


async def test_topics_are_matched_exactly(connect: Connect) -> None:
    worker = await connect("f")
    await subscribe(worker, "1", "f", "news")
    for topic in ("New", "news.more", "*", "news "):
        await worker.call("publish", {"topic": topic, "data": 1})
    assert received(worker, "f") == []


async def test_one_unsubscription_leaves_the_others_of_the_topic(connect: Connect) -> None:
    worker = await connect("f", "g")
    await subscribe(worker, "1", "f", "news")
    await subscribe(worker, "2", "g", "news")
    await worker.send("unregistertrigger", id="1", trigger_type="subscribe")
    await worker.call("publish", {"topic": "news", "data": 1})
    assert (received(worker, "f"), received(worker, "g")) == ([], [1])


async def test_a_subscription_moves_when_its_id_is_registered_for_another_topic(
    connect: Connect,
) -> None:
    worker = await connect("f")
    await subscribe(worker, "1", "f", "old")
    await subscribe(worker, "1", "f", "new")
    await worker.call("publish", {"topic": "old", "data": "lost"})
    await worker.call("publish", {"topic": "new", "data": "found"})
    assert received(worker, "f") == ["found"]


async def test_a_function_subscribed_twice_is_called_twice(connect: Connect) -> None:
    worker = await connect("f")
    await subscribe(worker, "1", "f", "news")
    await subscribe(worker, "2", "f", "news")
    await worker.call("publish", {"topic": "news", "data": 1})
    assert received(worker, "f") == [1, 1]


async def test_a_worker_that_goes_takes_its_subscriptions_along(
    engine: Engine, connect: Connect
) -> None:
    worker, publisher = await connect("f"), await connect()
    await subscribe(worker, "1", "f", "news")
    await engine.disconnect(worker.connection)
    assert "error" not in await publisher.call("publish", {"topic": "news", "data": 1})


async def test_a_subscriber_that_fails_touches_no_other(engine: Engine, connect: Connect) -> None:
    heard: list[Any] = []

    def spoil(data: Any) -> None:
        data["spoilt"] = True
        raise ValueError("broken")

    engine.functions.add_local(declare(engine.site, "spoil", spoil))
    engine.functions.add_local(declare(engine.site, "hear", heard.append))
    worker = await connect()
    await subscribe(worker, "1", "missing", "news")
    await subscribe(worker, "2", "spoil", "news")
    await subscribe(worker, "3", "hear", "news")
    assert await ainvoke("publish", {"topic": "news", "data": {"n": 1}}) is None

    async def all_heard() -> bool:
        return heard == [{"n": 1}]

    await eventually(all_heard)


async def test_the_metadata_of_the_trigger_goes_along(connect: Connect) -> None:
    worker = await connect("f")
    await subscribe(worker, "1", "f", "news", metadata={"team": "web"})
    await worker.call("publish", {"topic": "news", "data": 1})
    assert worker.invocations[0]["metadata"] == {"team": "web"}


@pytest.mark.parametrize("data", [{}, {"topic": "", "data": 1}, None])
async def test_without_a_topic_nothing_is_published(connect: Connect, data: Any) -> None:
    error = (await (await connect()).call("publish", data))["error"]
    assert (error["code"], error["message"]) == ("topic_not_set", "Topic is not set")


async def test_a_topic_that_is_no_text_is_wrong_input(engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="publish"):
        await ainvoke("publish", {"topic": 7})


@pytest.mark.parametrize("topic", [None, "", 7, []])
async def test_a_subscription_without_a_topic_is_refused(connect: Connect, topic: Any) -> None:
    worker = await connect("f")
    await subscribe(worker, "1", "f", topic)
    error = worker.transport.of_type("triggerregistrationresult")[0]["error"]
    assert error["code"] == "trigger_registration_failed"
    assert "topic is required" in error["message"]


async def test_data_that_is_not_json_is_an_error_of_the_publisher(engine: Engine) -> None:
    with pytest.raises(IiiError) as caught:
        await ainvoke("publish", {"topic": "news", "data": object()})
    assert caught.value.code == "serialization_error"
