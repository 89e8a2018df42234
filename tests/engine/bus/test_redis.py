"""Both layers of channels_redis on a real Redis: a database of it, which the tests empty."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from iii_triggers import apublish
from iii_triggers.engine.core import Engine
from iii_triggers.protocol.errors import InvocationFailed
from tests.support.redis_databases import redis_database
from tests.support.workers import FakeWorker

from .calling import asked, start

Offer = Callable[..., Awaitable[FakeWorker]]

CALLS = 100


@pytest.fixture
def url() -> Iterator[str]:
    """The URL of a Redis database that holds nothing of value."""
    with redis_database() as url:
        yield url


@pytest.fixture(params=[RedisChannelLayer, RedisPubSubChannelLayer], ids=["core", "pubsub"])
def make_layer(request: pytest.FixtureRequest, url: str) -> Callable[[], Any]:
    """Make a layer for an engine, as each process has one of its own."""
    return lambda: request.param(hosts=[{"address": url, "socket_timeout": None}])


@pytest.fixture
def server(url: str) -> Iterator[redis.Redis]:
    """The server, to do it harm."""
    with redis.Redis.from_url(url) as server:
        yield server


def cut_all(server: redis.Redis) -> int:
    """Close the connections to this database, not those of other tests, and count them."""
    number = str(server.get_connection_kwargs()["db"])
    clients = [one for one in server.client_list() if one["db"] == number]
    others = [one["id"] for one in clients if int(one["id"]) != server.client_id()]
    return sum(server.client_kill_filter(_id=number) for number in others)


async def answer_all(worker: FakeWorker, number: int) -> None:
    for n in range(1, number + 1):
        invocation = await asked(worker, n)
        await worker.answer(invocation, result=invocation["data"])


async def test_calls_cross_the_border_of_a_process(
    here: Engine, there: Engine, offer: Offer
) -> None:
    worker = await offer(there, "f")
    calls = [start(here, number) for number in range(CALLS)]
    await answer_all(worker, CALLS)
    assert await asyncio.gather(*calls) == list(range(CALLS))
    assert len(worker.invocations) == CALLS


async def test_errors_and_messages_cross_it_too(here: Engine, there: Engine, offer: Offer) -> None:
    worker = await offer(there, "f")
    call = start(here, {"text": "ä" * 100_000})
    await worker.answer(await asked(worker), error={"code": "mine", "message": "no"})
    with pytest.raises(InvocationFailed, match="no"):
        await call
    await worker.bind("t", "subscribe", config={"topic": "news"})
    await apublish("news", [1, None])
    assert (await asked(worker, 2))["data"] == [1, None]


async def test_calls_survive_a_flush(
    here: Engine, there: Engine, offer: Offer, server: redis.Redis
) -> None:
    worker = await offer(there, "f")
    outcomes = []
    for number in range(0, CALLS, 10):
        calls = [start(here, number + n) for n in range(10)]
        await asyncio.sleep(0)
        server.flushdb()
        for n in range(1, 11):
            invocation = await asked(worker, number + n)
            await worker.answer(invocation, result=invocation["data"])
            if n == 5:
                server.flushdb()
        outcomes += await asyncio.gather(*calls)
    assert outcomes == list(range(CALLS))
    assert len(worker.invocations) == CALLS


async def test_calls_survive_the_loss_of_all_connections(
    here: Engine, there: Engine, offer: Offer, server: redis.Redis
) -> None:
    worker = await offer(there, "f")
    first = start(here, 1)
    invocation = await asked(worker)
    assert cut_all(server)
    await worker.answer(invocation, result=1)
    assert await first == 1
    second = start(here, 2)
    await worker.answer(await asked(worker, 2), result=2)
    assert await second == 2
