"""Registering triggers: ids, refusals, and many at once."""

from __future__ import annotations

import asyncio

import pytest

from iii_triggers.protocol.errors import InvalidArguments, TriggerRejected
from iii_triggers.sdk import AsyncClient

from .stub import FAST, StubEngine, with_engine


@with_engine
async def test_an_accepted_trigger_returns_its_id(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        given = await client.register_trigger({"id": "t1", "type": "http", "function_id": "f"})
        generated = await client.register_trigger(trigger_type="http", function_id="f")
        peer = engine.peers[0]
        assert given == "t1"
        assert [frame["id"] for frame in peer.of_type("registertrigger")] == ["t1", generated]
        assert len(generated) == 36


@with_engine
async def test_a_refused_trigger_raises_and_is_not_repeated(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        with pytest.raises(TriggerRejected, match="no such path") as caught:
            await client.register_trigger(
                type="http", function_id="f", config={"reject": "no such path"}
            )
        assert caught.value.code == "trigger_registration_failed"
        engine.peers[0].socket.transport.abort()
        assert (await engine.peer(1)).of_type("registertrigger") == []


@with_engine
async def test_each_of_many_triggers_in_flight_gets_its_own_verdict(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        configs = [{"reject": str(n)} if n % 3 == 0 else {} for n in range(20)]
        verdicts = await asyncio.gather(
            *(
                client.register_trigger(id=f"t{n}", type="http", function_id="f", config=config)
                for n, config in enumerate(configs)
            ),
            return_exceptions=True,
        )
    for n, verdict in enumerate(verdicts):
        if n % 3 == 0:
            assert isinstance(verdict, TriggerRejected)
            assert verdict.message == str(n)
        else:
            assert verdict == f"t{n}"


@with_engine
async def test_the_same_id_in_flight_twice_keeps_the_verdicts_apart(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        good, bad = await asyncio.gather(
            client.register_trigger(id="t", type="http", function_id="f", config={"n": 1}),
            client.register_trigger(id="t", type="http", function_id="f", config={"reject": "x"}),
            return_exceptions=True,
        )
        assert good == "t"
        assert isinstance(bad, TriggerRejected)
        engine.peers[0].socket.transport.abort()
        (repeated,) = (await engine.peer(1)).of_type("registertrigger")
        assert repeated["config"] == {"n": 1}


@with_engine
async def test_a_late_refusal_goes_to_the_callback(engine: StubEngine):
    refused: asyncio.Queue = asyncio.Queue()
    async with AsyncClient(engine.url, **FAST) as client:

        async def on_rejected(trigger, error):
            refused.put_nowait((trigger, error))

        client.on("triggerRejected", on_rejected)
        await client.register_trigger(id="t1", type="slack", function_id="f", config={"c": 1})
        peer = engine.peers[0]
        await engine.reject(peer, peer.of_type("registertrigger")[0], "provider says no")
        trigger, error = await refused.get()
    assert (trigger.id, trigger.type, trigger.config) == ("t1", "slack", {"c": 1})
    assert isinstance(error, TriggerRejected)
    assert error.message == "provider says no"


@with_engine
async def test_a_refusal_of_an_offline_registration_goes_to_the_callback(engine: StubEngine):
    refused: asyncio.Queue = asyncio.Queue()
    client = AsyncClient(engine.url, **FAST)

    async def on_rejected(trigger, error):
        refused.put_nowait(trigger.id)

    client.on("triggerRejected", on_rejected)
    await client.register_trigger(id="t1", type="http", function_id="f", config={"reject": "no"})
    async with client:
        assert await refused.get() == "t1"


@with_engine
async def test_a_connection_lost_before_the_verdict_leaves_the_trigger_registered(
    engine: StubEngine,
):
    engine.answers_pings = False
    async with AsyncClient(engine.url, **FAST) as client:
        waiting = asyncio.create_task(
            client.register_trigger(id="t1", type="http", function_id="f")
        )
        peer = await engine.peer()
        await engine.frame(peer, "ping")
        assert not waiting.done()
        engine.answers_pings = True
        peer.socket.transport.abort()
        assert await waiting == "t1"
        assert len((await engine.peer(1)).of_type("registertrigger")) == 1


@with_engine
async def test_a_registration_given_up_does_not_shift_later_verdicts(engine: StubEngine):
    engine.answers_pings = False
    async with AsyncClient(engine.url, **FAST) as client:
        given_up = asyncio.create_task(client.register_trigger(type="http", function_id="f"))
        peer = await engine.peer()
        await engine.frame(peer, "ping")
        given_up.cancel()
        engine.answers_pings = True
        refused = asyncio.create_task(
            client.register_trigger(type="http", function_id="f", config={"reject": "no"})
        )
        # The pong of the first ping arrives only now, before the refusal of the second trigger.
        await peer.send(type="pong")
        with pytest.raises(TriggerRejected):
            await refused


@with_engine
async def test_bad_arguments_are_refused_before_anything_is_sent(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        for fields in (
            {"type": "http"},
            {"type": "", "function_id": "f"},
            {"function_id": "f"},
            {"type": "http", "function_id": "f", "id": 7},
            {"type": "http", "function_id": "f", "config": object()},
        ):
            with pytest.raises(InvalidArguments):
                await client.register_trigger(fields)
        with pytest.raises(InvalidArguments):
            client.on("registertrigger", print)
        assert (await engine.peer()).of_type("registertrigger") == []


@with_engine
async def test_the_namespace_of_the_client_is_that_of_its_triggers_functions(engine: StubEngine):
    async with AsyncClient(engine.url, namespace="shop", **FAST) as client:
        await client.register_trigger(type="http", function_id="f")
        await client.register_trigger(type="http", function_id="f", namespace="other")
        frames = engine.peers[0].of_type("registertrigger")
    assert [frame["namespace"] for frame in frames] == ["shop", "other"]


@with_engine
async def test_the_refusal_of_a_registration_given_up_goes_to_the_callback(engine: StubEngine):
    engine.answers_pings = False
    refused: asyncio.Queue = asyncio.Queue()
    async with AsyncClient(engine.url, **FAST) as client:

        async def on_rejected(trigger, error):
            refused.put_nowait(trigger.id)

        client.on("triggerRejected", on_rejected)
        given_up = asyncio.create_task(
            client.register_trigger(id="t1", type="http", function_id="f")
        )
        peer = await engine.peer()
        await engine.frame(peer, "ping")
        given_up.cancel()
        await engine.reject(peer, peer.of_type("registertrigger")[0], "no")
        assert await refused.get() == "t1"
        await peer.send(type="pong")
        engine.answers_pings = True
