"""WebSockets of uvicorn as ``runengine`` serves them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close, Frame, Opcode

from iii_triggers.consumers.sender import Sender
from iii_triggers.servers.joined_writes import JoiningProtocol
from iii_triggers.servers.uvicorn_websockets import PatientProtocol
from tests.e2e.processes import free_ports

PING_S = 0.05


@asynccontextmanager
async def serving(
    application: Any,
    *,
    protocol: Any = PatientProtocol,
    http: Any = JoiningProtocol,
    deflates: bool = False,
) -> AsyncIterator[str]:
    """Serve an application whose peers are pinged all the time; give its URL."""
    [port] = free_ports(1)
    config = uvicorn.Config(
        application,
        port=port,
        http=http,
        ws=protocol,
        lifespan="off",
        log_config=None,
        ws_per_message_deflate=deflates,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", port)) as listener:
        task = asyncio.ensure_future(server.serve([listener]))
        try:
            yield f"ws://127.0.0.1:{port}/"
        finally:
            server.should_exit = True
            await task


@pytest.mark.parametrize("http", ["auto", JoiningProtocol])
async def test_a_peer_that_is_not_read_is_not_dropped_for_its_silence(http: Any) -> None:
    read_on, events = asyncio.Event(), []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await read_on.wait()
        while (event := await receive())["type"] == "websocket.receive":
            events.append(event["text"])

    async with serving(application, http=http) as url, connect(url, ping_interval=None) as peer:
        for text in ("one", "two"):
            await peer.send(text)
        # The pong to this ping is not read, because nobody takes the messages before it.
        await asyncio.sleep(10 * PING_S)
        read_on.set()
        await peer.send("three")
        await peer.close()
    assert events == ["one", "two", "three"]


@pytest.mark.parametrize("http", ["auto", JoiningProtocol])
async def test_what_an_application_does_not_take_is_not_read_for_ever(http: Any) -> None:
    read, end = [], asyncio.Event()

    class Counting(PatientProtocol):
        def data_received(self, data: bytes) -> None:
            read.append(len(data))
            super().data_received(data)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await end.wait()

    serves = serving(application, protocol=Counting, http=http)
    async with serves as url, connect(url, ping_interval=None, compression=None) as peer:
        sending = asyncio.ensure_future(_send(peer, [b"x" * 65536] * 200))
        await asyncio.sleep(4 * PING_S)
        end.set()
        peer.transport.abort()
        await sending
    # The first message, and what came with it or before the pause.
    assert 0 < sum(read) < 1_000_000


async def _send(peer: Any, messages: list[bytes]) -> None:
    with suppress(ConnectionClosed):
        for message in messages:
            await peer.send(message)


@pytest.mark.parametrize("parts", [b"\xff", ["\xc3", "("]])
async def test_text_that_is_no_utf8_closes_the_connection_and_is_no_error(
    parts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    codes: asyncio.Queue[int] = asyncio.Queue()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert (await receive())["text"] == "fine: ä"
        codes.put_nowait((await receive())["code"])

    message = [part.encode("latin-1") for part in parts] if isinstance(parts, list) else parts
    async with serving(application) as url, connect(url, ping_interval=None) as peer:
        await peer.send("fine: ä")
        await peer.send(message, text=True)
        await peer.wait_closed()
        async with asyncio.timeout(5):
            assert await codes.get() == 1007
    assert peer.close_code == 1007
    assert [record.levelname for record in caplog.records if record.levelno >= 30] == ["WARNING"]


@pytest.mark.parametrize("deflates", [True, False])
async def test_such_text_may_come_together_with_a_close(
    deflates: bool, caplog: pytest.LogCaptureFixture
) -> None:
    codes: asyncio.Queue[int] = asyncio.Queue()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        codes.put_nowait((await receive())["code"])

    frames = [Frame(Opcode.TEXT, b"\xff"), Frame(Opcode.CLOSE, Close(1000, "").serialize())]
    async with (
        serving(application, deflates=deflates) as url,
        connect(url, ping_interval=None) as peer,
    ):
        peer.transport.write(b"".join(frame.serialize(mask=True) for frame in frames))
        async with asyncio.timeout(5):
            assert await codes.get() in (1000, 1007)
            await peer.wait_closed()
    assert "ERROR" not in [record.levelname for record in caplog.records]


async def test_a_connection_that_breaks_is_told_from_one_that_was_closed() -> None:
    codes: asyncio.Queue[int] = asyncio.Queue()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        codes.put_nowait((await receive())["code"])

    async with serving(application) as url:
        async with connect(url) as peer:
            await peer.close(1000)
        assert await asyncio.wait_for(codes.get(), 5) == 1000
        async with connect(url) as peer:
            peer.transport.abort()
        assert await asyncio.wait_for(codes.get(), 5) == 1006


async def test_an_upgrade_that_is_refused_is_no_error_of_the_application(caplog: Any) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"nothing here"})

    async with serving(application) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url[:-1].split(":")[-1]))
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 404") and answer.endswith(b"nothing here")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("deflates", [False, True])
@pytest.mark.parametrize("http", ["auto", JoiningProtocol])
async def test_text_is_written_at_once_if_no_extension_wants_to_change_it(
    http: Any, deflates: bool
) -> None:
    # The longest come last: behind them a transport may ask for a pause.
    texts = ["\xe4" * 100] + ["x" * size for size in (0, 1, 125, 126, 65535, 65536)]
    written: list[bool] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert not send.__self__.write_text("too early")
        await send({"type": "websocket.accept"})
        for text in texts:
            written.append(send.__self__.write_text(text))
        assert not send.__self__.write_text("no UTF-8: \ud800")
        await send({"type": "websocket.send", "text": "last"})
        await send({"type": "websocket.close"})
        assert not send.__self__.write_text("too late")

    async with serving(application, http=http, deflates=deflates) as url, connect(url) as peer:
        got = [text async for text in peer]
    assert peer.close_code == 1000
    assert written == [not deflates] * len(texts)
    assert got == ([] if deflates else texts) + ["last"]


async def test_nothing_is_written_to_a_peer_that_has_left() -> None:
    outcome: asyncio.Queue[bool] = asyncio.Queue()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()  # websocket.disconnect
        outcome.put_nowait(send.__self__.write_text("too late"))

    async with serving(application) as url:
        for leave in ("close", "abort"):
            async with connect(url) as peer:
                await peer.close() if leave == "close" else peer.transport.abort()
            assert await asyncio.wait_for(outcome.get(), 5) is False


async def test_nothing_is_written_to_a_connection_that_ends() -> None:
    outcome: asyncio.Queue[list[bool]] = asyncio.Queue()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        protocol = send.__self__
        written = [protocol.write_text("on time")]
        protocol.transport.close()
        written.append(protocol.write_text("closed"))
        outcome.put_nowait(written)

    async with serving(application) as url, connect(url) as peer:
        assert await peer.recv() == "on time"
        assert await asyncio.wait_for(outcome.get(), 5) == [True, False]


async def test_frames_stay_in_order_while_a_peer_does_not_take_them() -> None:
    texts = [str(number) + "x" * 100_000 for number in range(200)]
    outcomes: set[bool] = set()

    class Noting(PatientProtocol):
        def write_text(self, text: str) -> bool:
            is_written = super().write_text(text)
            outcomes.add(is_written)
            return is_written

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        sender = Sender(send, limit=lambda: 10**9)
        for text in texts:
            sender.send_text(text)
        await receive()
        sender.send_text("last")
        sender.close(1000)
        await sender.stop()

    serves = serving(application, protocol=Noting)
    async with serves as url, connect(url, ping_interval=None) as peer:
        assert [await peer.recv() for _ in texts] == texts
        await peer.send("all here")
        assert [text async for text in peer] == ["last"]
    assert outcomes == {True, False}


async def test_frames_of_a_worker_are_read_without_the_library() -> None:
    texts = ["x" * size for size in (0, 1, 125, 126, 65535, 65536)] + ["\xe4" * 100]
    got, parsed = [], []

    class Noting(PatientProtocol):
        def handle_text(self, event: Any) -> None:
            parsed.append(len(event.data))
            super().handle_text(event)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        got.extend([(await receive())["text"] for _ in texts])

    serves = serving(application, protocol=Noting)
    async with serves as url, connect(url, ping_interval=None) as peer:
        for text in texts:
            await peer.send(text)
        await peer.wait_closed()
    assert got == texts
    assert parsed == [65536]
