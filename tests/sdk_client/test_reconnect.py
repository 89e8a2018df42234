"""However a connection ends, the client comes back."""

from __future__ import annotations

import asyncio

import pytest

from iii_triggers.sdk import AsyncClient
from iii_triggers.sdk.connection import Connection, Events
from iii_triggers.sdk.settings import Settings

from .stub import FAST, Peer, StubEngine, with_engine


async def _close(peer: Peer, how: str) -> None:
    if how == "abort":
        peer.socket.transport.abort()
    elif how == "empty":
        peer.socket.protocol.send_close()
        peer.socket.transport.write(b"".join(peer.socket.protocol.data_to_send()))
    else:
        await peer.socket.close(int(how))


@pytest.mark.parametrize("how", ["1000", "1001", "1011", "1012", "4000", "empty", "abort"])
def test_the_client_comes_back_after_any_end_of_its_connection(how):
    @with_engine
    async def scenario(engine: StubEngine):
        async with AsyncClient(engine.url, **FAST) as client:
            client.register_function("echo", lambda data: data)
            await _close(await engine.peer(), how)
            await engine.peer(1)
            assert await client.call("echo", how) == how

    scenario()


@with_engine
async def test_the_client_comes_back_to_a_restarted_engine(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        client.register_function("echo", lambda data: data)
        await engine.peer()
        await engine.stop()
        await engine.start(port=engine.port)
        await engine.peer(1)
        assert await client.call("echo", "again") == "again"


@with_engine
async def test_the_client_comes_back_after_a_breach_of_the_websocket_protocol(engine: StubEngine):
    async with AsyncClient(engine.url, **FAST) as client:
        client.register_function("echo", lambda data: data)
        peer = await engine.peer()
        peer.socket.transport.write(b"\xc1\x00")  # a compressed frame, never negotiated
        await engine.peer(1)
        assert await client.call("echo", 1) == 1


def _delays(connection: Connection, count: int) -> list[float]:
    return [connection._delay_s() for _ in range(count)]


def _idle_connection() -> Connection:
    settings = Settings(url="ws://127.0.0.1:1", reconnect_initial_s=1.0, reconnect_max_s=30.0)
    return Connection(
        settings, Events(greeting=lambda: ([], []), received=lambda _: None, lost=lambda: None)
    )


def test_pauses_double_up_to_a_cap_with_jitter():
    delays = _delays(_idle_connection(), 60)
    for delay, middle in zip(delays, [1, 2, 4, 8, 16, *[30] * 55], strict=True):
        assert 0.7 * middle <= delay <= 1.3 * middle
    assert len(set(delays[5:])) > 1


def test_a_connection_that_the_engine_accepted_resets_the_pause():
    connection = _idle_connection()
    _delays(connection, 6)
    connection.welcome()
    assert _delays(connection, 1)[0] <= 1.3


def test_connecting_to_nothing_returns_and_goes_on_trying():
    async def scenario():
        async with asyncio.timeout(10):
            client = AsyncClient("ws://127.0.0.1:1", **FAST)
            await client.connect()
            assert not client.is_connected
            with pytest.raises(TimeoutError):
                await client.wait_connected(timeout_s=0.05)
            await client.shutdown()

    asyncio.run(scenario())
