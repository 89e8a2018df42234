"""What is read without the library comes out as if the library had read it."""

from __future__ import annotations

import asyncio
import logging
import random
import struct
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.frames import apply_mask
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from iii_triggers.servers.plain_frames import PlainFrames
from iii_triggers.servers.uvicorn_websockets import PatientProtocol

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
FIN, CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x80, 0, 1, 2, 8, 9, 10
MAX_SIZE = 66_000
SMALL_SIZES = [0, 1, 2, 124, 125, 126, 127, 400]
LARGE_SIZES = [65535, 65536]


def frame(
    first: int, payload: bytes, *, length_bytes: int | None = None, masks: bool = True
) -> bytes:
    """Build a frame, even a wrong one; ``length_bytes`` says how its length is written."""
    size = len(payload)
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    code = {0: size, 2: 126, 8: 127}[length_bytes]
    header = (
        bytes([first, (0x80 if masks else 0) | code]) + size.to_bytes(8, "big")[8 - length_bytes :]
    )
    mask = random.Random(size).randbytes(4)
    return header + (mask + apply_mask(payload, mask) if masks else payload)


def text(payload: str | bytes, **options: Any) -> bytes:
    return frame(FIN | TEXT, payload.encode() if isinstance(payload, str) else payload, **options)


def some_text(chance: random.Random, *, larges: bool = True) -> bytes:
    sizes = LARGE_SIZES if larges and chance.random() < 0.05 else SMALL_SIZES
    size = chance.choice(sizes)
    if chance.random() < 0.3:
        return ("\xe4\u20ac\U0001f600" * (size // 9)).encode()
    return bytes(chance.choices(b"abcxyz {}\r\n", k=size))


def fragmented(chance: random.Random) -> bytes:
    payload = some_text(chance, larges=False)
    cut = chance.randint(0, len(payload))
    frames = [frame(chance.choice([TEXT, BINARY]), payload[:cut])]
    frames += [frame(FIN | PING, b"between")] * chance.randint(0, 2)
    frames += [frame(CONT, b"")] * chance.randint(0, 1)
    return b"".join([*frames, frame(FIN | CONT, payload[cut:])])


def valid_frame(chance: random.Random) -> bytes:
    kind = chance.choice(["text"] * 6 + ["binary", "ping", "pong", "fragmented", "long", "longer"])
    if kind == "fragmented":
        return fragmented(chance)
    if kind == "binary":
        return frame(FIN | BINARY, some_text(chance))
    if kind in ("ping", "pong"):
        return frame(
            FIN | (PING if kind == "ping" else PONG), chance.randbytes(chance.choice([0, 4, 125]))
        )
    length_bytes = {"long": 2, "longer": 8}.get(kind)
    return text(some_text(chance, larges=kind == "text"), length_bytes=length_bytes)


def wrong_frame(chance: random.Random) -> bytes:
    return chance.choice(
        [
            text(b"\xff bad"),
            text(b"cut: \xe2\x82"),
            frame(TEXT, b"\xc3") + frame(FIN | CONT, b"("),
            text("not masked", masks=False),
            text("x" * (MAX_SIZE + 1)),
            text("x" * 10, length_bytes=8)[:2] + b"\xff" * 8,
            frame(TEXT, b"x" * MAX_SIZE) + frame(FIN | CONT, b"too long in all"),
            frame(TEXT, b"not ended") + text("another"),
            frame(FIN | CONT, b"of nothing"),
            frame(FIN | PING, b"x" * 126),
            frame(PING, b"in parts"),
            frame(FIN | CLOSE, b"x"),
            frame(FIN | CLOSE, struct.pack("!H", 1005)),
            frame(FIN | CLOSE, struct.pack("!H", 1000) + b"\xff"),
            frame(FIN | CLOSE, struct.pack("!H", 3000) + b"bye"),
            frame(TEXT, b"not ended") + frame(FIN | CLOSE, b""),
            *[frame(FIN | rsv | TEXT, b"reserved") for rsv in (0x40, 0x20, 0x10)],
            *[frame(FIN | opcode, b"reserved") for opcode in (3, 7, 11, 15)],
            *[chance.randbytes(chance.randint(1, 40)) for _ in range(10)],
        ]
    )


def cut(data: bytes, chance: random.Random) -> list[bytes]:
    longest = chance.choice([1, 7, 100, 3000, 100_000]) if len(data) < 5000 else 100_000
    chunks = []
    while data:
        size = chance.randint(1, longest)
        chunks.append(data[:size])
        data = data[size:]
    return chunks


class Wire:
    """A transport that takes nothing after its end."""

    def __init__(self) -> None:
        self.written = b""
        self.done: list[str] = []

    def write(self, data: bytes) -> None:
        if not self.is_closing():
            self.written += data

    def close(self) -> None:
        if not self.is_closing():
            self.done.append("close")

    def is_closing(self) -> bool:
        return "close" in self.done

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def get_extra_info(self, name: str) -> None:
        return None


class Served:
    """A connection whose application has accepted it, and waits."""

    def __init__(self, *, plainly: bool, max_size: int = MAX_SIZE) -> None:
        config = uvicorn.Config(
            self._application,
            interface="asgi3",
            log_config=None,
            ws_max_size=max_size,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
        )
        config.load()
        self._accepted, self._end = asyncio.Event(), asyncio.Event()
        self.wire = Wire()
        self.events: list[Any] = []
        self.protocol = PatientProtocol(config=config, server_state=ServerState(), app_state={})
        self.protocol.connection_made(self.wire)
        if not plainly:
            self.protocol.plain_frames = None

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self._accepted.set()
        await self._end.wait()

    async def __aenter__(self) -> Served:
        self.protocol.data_received(REQUEST)
        await self._accepted.wait()
        return self

    def receive(self, data: bytes) -> None:
        if not self.wire.is_closing():
            self.protocol.data_received(data)

    async def take(self) -> None:
        while not self.protocol.queue.empty():
            self.events.append(await self.protocol.receive())

    async def close(self) -> None:
        if not self.wire.is_closing() and not self.protocol.close_sent:
            await self.protocol.send({"type": "websocket.close", "code": 1000})

    async def __aexit__(self, *_: object) -> None:
        await self.take()
        self.protocol.connection_lost(None)
        self._end.set()
        await asyncio.gather(*self.protocol.tasks)

    @property
    def outcome(self) -> tuple[list[Any], bytes, list[str]]:
        return self.events, self.wire.written, [do for do in self.wire.done if do == "close"]


@pytest.mark.parametrize("seed", range(40))
async def test_valid_frames_come_out_as_from_the_library(seed: int) -> None:
    chance = random.Random(seed)
    data = b"".join(valid_frame(chance) for _ in range(chance.randint(1, 40)))
    if chance.random() < 0.5:
        data += frame(FIN | CLOSE, struct.pack("!H", 1000) + b"done") + b"ignored"
    chunks = cut(data, chance)
    takes = [chance.random() < 0.3 for _ in chunks]
    closes_at = chance.randrange(2 * len(chunks))
    async with Served(plainly=True) as plain, Served(plainly=False) as library:
        for number, chunk in enumerate(chunks):
            for served in (plain, library):
                served.receive(chunk)
                if takes[number]:
                    await served.take()
                if number == closes_at:
                    await served.close()
    assert plain.outcome == library.outcome
    assert plain.wire.done == library.wire.done  # it is paused as often, too


@pytest.mark.parametrize("seed", range(80))
async def test_wrong_frames_are_refused_as_by_the_library(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The library gets byte after byte; how a network cuts what it carries must not matter.

    With an error in the same piece, it would keep the frames before it from the application.
    """
    chance = random.Random(seed)
    before = [valid_frame(chance) for _ in range(chance.randint(0, 10))]
    after = [valid_frame(chance) for _ in range(chance.randint(0, 3))]
    data = b"".join([*before, wrong_frame(chance), *after])
    max_size = chance.choice([MAX_SIZE, MAX_SIZE, 150])
    serves = [Served(plainly=plainly, max_size=max_size) for plainly in (True, False)]
    async with serves[0] as plain, serves[1] as library:
        for chunk in cut(data, chance):
            plain.receive(chunk)
        for position in range(len(data)):
            library.receive(data[position : position + 1])
    assert plain.outcome == library.outcome
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


class Apart:
    """``PlainFrames`` with a library that is never asked; ``left`` is what it would get."""

    def __init__(
        self, request: bytes = REQUEST, *, conn: Any = None, max_size: int = MAX_SIZE
    ) -> None:
        self.texts: list[str] = []
        self.left: list[bytes] = []
        self.conn = conn or ServerProtocol(max_size=MAX_SIZE)
        self.frames = PlainFrames(
            self.conn, max_size, deliver=self.texts.extend, pass_on=self.left.append
        )
        self.frames.receive(request)
        assert self.left.pop() == request
        self.conn.state = OPEN


def test_plain_frames_do_not_reach_the_library() -> None:
    apart = Apart()
    data = b"".join(text(word) for word in ("one", "", "x" * 126, "\xe4" * 5000))
    for position in range(0, len(data), 1000):
        apart.frames.receive(data[position : position + 1000])
    assert apart.texts == ["one", "", "x" * 126, "\xe4" * 5000]
    assert apart.left == []


def test_a_frame_that_is_too_large_is_left_to_the_library_before_it_is_whole() -> None:
    apart = Apart(max_size=150)
    begin = text("x" * 151)[:8]
    apart.frames.receive(text("x" * 150) + begin)
    assert (apart.texts, apart.left) == (["x" * 150], [begin])


@pytest.mark.parametrize("length_bytes", [2, 8])
def test_a_length_that_takes_more_bytes_than_it_must_is_left_to_the_library(
    length_bytes: int,
) -> None:
    apart = Apart()
    odd = text("odd", length_bytes=length_bytes)
    apart.frames.receive(text("one") + odd + text("two"))
    assert (apart.texts, apart.left) == (["one", "two"], [odd])


def test_a_large_frame_is_left_to_the_library_as_it_comes() -> None:
    apart = Apart()
    data = frame(FIN | BINARY, b"x" * 60_000)
    chunks = [data[:1], data[1:3], data[3:5000], data[5000:] + text("next")]
    for chunk in chunks[:3]:
        apart.frames.receive(chunk)
    assert apart.left == [data[:5000]]
    apart.frames.receive(chunks[3])
    assert b"".join(apart.left) == data
    assert apart.texts == ["next"]


def forget_fragments(conn: ServerProtocol) -> None:
    for name in {"current_size", "cur_size"} & set(vars(conn)):
        delattr(conn, name)


@pytest.mark.parametrize("name", ["current_size", "cur_size"])
def test_within_a_fragmented_message_all_is_for_the_library(name: str) -> None:
    conn = ServerProtocol(max_size=MAX_SIZE)
    forget_fragments(conn)
    setattr(conn, name, None)
    apart = Apart(conn=conn)
    setattr(conn, name, 5)
    apart.frames.receive(text("odd"))
    assert (apart.left, apart.texts) == ([text("odd")], [])
    setattr(conn, name, None)
    apart.frames.receive(text("fine"))
    assert (len(apart.left), apart.texts) == (1, ["fine"])


def left_alone(apart: Apart) -> bool:
    apart.frames.receive(text("one") + text("two"))
    return (apart.left, apart.texts) == ([text("one") + text("two")], [])


def test_a_library_that_does_not_tell_of_fragments_reads_all() -> None:
    conn = ServerProtocol(max_size=MAX_SIZE)
    forget_fragments(conn)
    assert left_alone(Apart(conn=conn))


@pytest.mark.parametrize("attribute", ["extensions", "debug"])
def test_with_an_extension_or_while_frames_are_logged_the_library_reads_all(
    attribute: str,
) -> None:
    conn = ServerProtocol(max_size=MAX_SIZE)
    setattr(conn, attribute, ["an extension"])
    assert left_alone(Apart(conn=conn))


@pytest.mark.parametrize("request_data", [REQUEST + b"\x81", REQUEST[:-1], REQUEST + b"\r\n"])
def test_where_frames_begin_must_be_known(request_data: bytes) -> None:
    assert left_alone(Apart(request_data))


def test_a_peer_that_does_not_wait_for_the_answer_is_read_by_the_library() -> None:
    apart = Apart()
    apart.conn.state = apart.conn.state.CONNECTING
    apart.frames.receive(text("early"))
    assert apart.left.pop() == text("early")
    apart.conn.state = OPEN
    assert left_alone(apart)


def test_what_was_held_goes_to_the_library_when_a_close_was_sent() -> None:
    apart = Apart()
    apart.frames.receive(text("whole")[:4])
    apart.conn.state = apart.conn.state.CLOSING
    apart.frames.receive(text("whole")[4:])
    assert (apart.left, apart.texts) == ([text("whole")], [])


async def test_another_protocol_of_uvicorn_is_left_alone() -> None:
    protocol = Served(plainly=True).protocol
    protocol.plain_frames, protocol.conn = None, object()
    protocol.connection_made(Wire())
    assert protocol.plain_frames is None
    assert not protocol.write_text("x")
