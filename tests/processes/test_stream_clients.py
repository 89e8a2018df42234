"""Stream clients of ``runengine``: its doors, slow readers, restarts."""

from __future__ import annotations

import socket

import pytest
from websockets.exceptions import InvalidStatus

from iii_triggers.sdk import init
from tests.e2e.eventually import eventually
from tests.e2e.processes import READY_S
from tests.e2e.stream_clients import StreamClient

from .sites import LOOPBACK, Site, wait_ready
from .sockets import BareWorker

pytestmark = pytest.mark.slow

RESTARTING, OVERLOADED, UNKNOWN = 1012, 1013, 4401
KIB = 1024


def send(worker: BareWorker, stream: str, type_: str, data: object) -> None:
    """Send an event through a worker, without waiting."""
    event = {"stream_name": stream, "group_id": "g", "type": type_, "data": data}
    worker.send(type="invokefunction", function_id="stream::send", data=event)


def urls(site: Site) -> list[str]:
    on_site = f"ws://{LOOPBACK}:{site.site_port}/iii/stream"
    return [site.stream_url, f"{site.stream_url}/?token=x", on_site, f"{on_site}/"]


def test_each_door_serves_clients_of_the_same_streams(engine: Site) -> None:
    clients = [StreamClient(url) for url in urls(engine)]
    with BareWorker(engine.worker_url) as worker:
        for client in clients:
            assert client.joined("doors") == []
        send(worker, "doors", "hello", 1)
        for client in clients:
            assert client.event() == {"type": "event", "event": {"type": "hello", "data": 1}}
            client.__exit__(None, None, None)


@pytest.mark.parametrize("path", ["/todos", "/iii/stream/", "/otel"])
def test_another_path_of_the_stream_port_is_refused(engine: Site, path: str) -> None:
    with pytest.raises(InvalidStatus):
        StreamClient(engine.stream_url + path)


def test_a_ping_of_the_protocol_is_answered(engine: Site) -> None:
    with StreamClient(engine.stream_url) as client:
        assert client.socket.ping().wait(10)


def test_the_demo_site_tracks_its_channel(engine: Site) -> None:
    with BareWorker(engine.worker_url) as worker:
        send(worker, "user-events", "clicked", {"button": "buy"})
        engine.process.wait_logged("Tracking {'type': 'event'", timeout_s=10)


def test_a_page_is_given_the_subprotocol_it_offers(engine: Site) -> None:
    with StreamClient(engine.stream_url, subprotocols=["Authorization", "abc"]) as client:
        assert client.socket.subprotocol == "Authorization"


def test_a_frame_that_is_too_large_is_closed_with_1009(engine: Site) -> None:
    with StreamClient(engine.stream_url) as client:
        client.send("join", filler="x" * 64 * KIB)
        assert client.close_code() == 1009


def test_a_client_that_does_not_read_is_dropped_and_nobody_waits(engine: Site) -> None:
    slow_socket = socket.socket()
    slow_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
    slow_socket.connect((LOOPBACK, engine.stream_port))
    slow = StreamClient(engine.stream_url, sock=slow_socket, max_queue=1, close_timeout=1)
    with StreamClient(engine.stream_url) as quick, BareWorker(engine.worker_url) as worker:
        slow.joined("flood")
        quick.joined("flood")
        for number in range(300):
            send(worker, "flood", str(number), "x" * 50 * KIB)
            assert quick.event()["event"]["type"] == str(number)
        engine.process.wait_logged("does not keep up", timeout_s=10)
        assert slow.close_code() in (OVERLOADED, 1006)
        send(worker, "flood", "after", None)
        assert quick.event()["event"]["type"] == "after"
    slow.__exit__(None, None, None)


def test_a_client_of_an_engine_that_stops_is_told_to_come_back(site: Site) -> None:
    site.ensure_started()
    with init(site.worker_url) as worker:
        left: list[object] = []
        worker.register_function("rooms.left", left.append)
        worker.register_trigger(trigger_type="stream:leave", function_id="rooms.left", config={})
        with StreamClient(site.stream_url) as client:
            client.joined("restarts")
            site.process.terminate()
            assert client.close_code() == RESTARTING
        eventually(lambda: len(left), lambda number: number == 1)
    assert site.process.wait() == 0, site.process.tail()


def test_in_production_the_port_of_the_site_asks_who_it_is(site: Site) -> None:
    secrets = ("DEBUG=false", "SECRET_KEY=x")
    site.configure(**dict(pair.split("=") for pair in secrets))
    try:
        process = site.runengine(*site.ports())
        wait_ready(process)
        with StreamClient(f"ws://{LOOPBACK}:{site.site_port}/iii/stream/") as client:
            assert client.close_code() == UNKNOWN
        process.wait_logged("must be known to III_STREAM_AUTH_FUNCTION", timeout_s=READY_S)
        with StreamClient(site.stream_url) as client:
            assert client.joined("open") == []
        process.kill()
    finally:
        site.configure(DEBUG="true")
