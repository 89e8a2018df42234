"""Channels on real servers: refusals, ends that break, writers faster than their readers."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.memory import watched

from .sites import LOOPBACK, Site
from .sockets import FRAME_S, BareWorker

pytestmark = pytest.mark.slow

MIB = 2**20
FRAME = b"x" * 65536

Ref = dict[str, str]


@pytest.fixture
def worker(engine: Site) -> Iterator[BareWorker]:
    """A worker that tells a namespace at once, so that its frames are not held."""
    with BareWorker(engine.worker_url) as worker:
        worker.send(
            type="invokefunction",
            function_id="engine::workers::register",
            data={"name": "w", "runtime": "node", "version": "0.22.1"},
        )
        yield worker


def create(worker: BareWorker) -> tuple[Ref, Ref]:
    """Open a channel and return the refs of its writer and its reader."""
    function_id = "engine::channels::create"
    worker.send(type="invokefunction", function_id=function_id, invocation_id="c", data={})
    result = worker.receive()["result"]
    return result["writer"], result["reader"]


def take(base: str, ref: Ref, **changes: str) -> ClientConnection:
    """Connect to an end of a channel."""
    wanted = {**ref, **changes}
    query = f"key={wanted['access_key']}&dir={wanted['direction']}"
    url = f"{base}/ws/channels/{wanted['channel_id']}?{query}"
    return connect(url, open_timeout=FRAME_S, proxy=None, ping_interval=None)


def break_off(peer: ClientConnection) -> None:
    """End a connection without a close frame, as the end of a process does."""
    with suppress(OSError):
        peer.socket.shutdown(socket.SHUT_RDWR)
    peer.close_socket()


def close_code(peer: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            peer.recv(timeout=FRAME_S)
    return closed.value.rcvd.code if closed.value.rcvd else 1006


def test_a_channel_is_open_on_both_ports(engine: Site, worker: BareWorker) -> None:
    writer_ref, reader_ref = create(worker)
    with (
        take(engine.worker_url, writer_ref) as writer,
        take(engine.site_url, reader_ref) as reader,
    ):
        writer.send("text")
        writer.send(b"binary")
        assert [reader.recv(timeout=FRAME_S) for _ in range(2)] == ["text", b"binary"]
        writer.close()
        assert close_code(reader) == 1000


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"channel_id": "unknown"}, 404),
        ({"access_key": "wrong"}, 404),
        ({"access_key": ""}, 400),
        ({"direction": "both"}, 400),
    ],
)
def test_what_cannot_be_taken_is_refused_in_place_of_the_upgrade(
    engine: Site, worker: BareWorker, changes: dict[str, str], status: int
) -> None:
    _, reader_ref = create(worker)
    with pytest.raises(InvalidStatus) as refused:
        take(engine.worker_url, reader_ref, **changes)
    # Daphne has no other answer than this.
    expected = 403 if engine.server == "daphne" else status
    assert refused.value.response.status_code == expected
    if expected == 404:
        assert refused.value.response.body.startswith(b"Channel not found")


def test_the_second_taker_is_let_in_and_closed(engine: Site, worker: BareWorker) -> None:
    writer_ref, _ = create(worker)
    with take(engine.worker_url, writer_ref), take(engine.worker_url, writer_ref) as second:
        assert close_code(second) == 1000


def test_a_writer_that_dies_is_told_from_one_that_is_done(engine: Site, worker: BareWorker) -> None:
    writer_ref, reader_ref = create(worker)
    with (
        take(engine.worker_url, reader_ref) as reader,
        take(engine.worker_url, writer_ref) as writer,
    ):
        writer.send(b"half")
        assert reader.recv(timeout=FRAME_S) == b"half"
        break_off(writer)
        assert close_code(reader) == 1011


def test_a_reader_that_dies_closes_the_writer(engine: Site, worker: BareWorker) -> None:
    writer_ref, reader_ref = create(worker)
    with take(engine.worker_url, writer_ref) as writer:
        with take(engine.worker_url, reader_ref) as reader:
            break_off(reader)
        assert close_code(writer) == 1000


def test_a_writer_without_a_reader_is_stopped_and_nothing_is_lost(
    engine: Site, worker: BareWorker
) -> None:
    writer_ref, reader_ref = create(worker)
    with take(engine.worker_url, writer_ref) as writer:
        writer.socket.settimeout(1)
        frames = 0
        # The library takes a timeout of the socket for its end, and so the connection breaks.
        with watched(engine.process.pid) as memory, suppress(ConnectionClosed, OSError):
            while frames < 200 * MIB // len(FRAME):
                writer.send(FRAME)
                frames += 1
    print(f"{engine.server}: {frames * len(FRAME) / MIB:.0f} MiB, +{memory.growth_mib:.1f} MiB")
    assert frames < 64 * MIB // len(FRAME)
    assert memory.growth_mib < 16
    with take(engine.worker_url, reader_ref) as reader:
        received = 0
        with suppress(ConnectionClosed):
            while True:
                received += len(reader.recv(timeout=FRAME_S))
    assert received // len(FRAME) in (frames, frames + 1)


def answer(worker: BareWorker, invocation: Any, **outcome: Any) -> None:
    ids = {key: invocation[key] for key in ("invocation_id", "function_id")}
    worker.send(type="invocationresult", **ids, **outcome)


def test_a_download_whose_writer_dies_is_cut_off(engine: Site, worker: BareWorker) -> None:
    worker.offer("cut", api_path="cut")
    connection = http.client.HTTPConnection(LOOPBACK, engine.http_port, timeout=FRAME_S)
    with closing(connection):
        connection.request("GET", "/cut")
        invocation = worker.receive()
        with take(engine.worker_url, invocation["data"]["response"]) as writer:
            writer.send(b"half")
            response = connection.getresponse()
            assert response.read(4) == b"half"
            break_off(writer)
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    answer(worker, invocation, result=None)


def test_a_client_that_leaves_closes_the_writer(engine: Site, worker: BareWorker) -> None:
    worker.offer("left", api_path="left")
    connection = http.client.HTTPConnection(LOOPBACK, engine.http_port, timeout=FRAME_S)
    connection.request("GET", "/left")
    invocation = worker.receive()
    with take(engine.worker_url, invocation["data"]["response"]) as writer:
        writer.send(json.dumps({"type": "set_status", "status_code": 202}))
        writer.send(b"chunk")
        response = connection.getresponse()
        assert response.status == 202
        response.close()
        connection.close()
        assert close_code(writer) == 1000
    answer(worker, invocation, result=None)


def test_a_connection_serves_on_after_a_streamed_answer(engine: Site, worker: BareWorker) -> None:
    worker.offer("again", api_path="again")
    connection = http.client.HTTPConnection(LOOPBACK, engine.http_port, timeout=FRAME_S)
    with closing(connection):
        for number in range(3):
            connection.request("GET", "/again")
            invocation = worker.receive()
            with take(engine.worker_url, invocation["data"]["response"]) as writer:
                writer.send(b"%d" % number)
            answer(worker, invocation, result=None)
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"%d" % number)
