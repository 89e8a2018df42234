"""Frames and bodies over the limit: a clear refusal, and nobody else notices.

The settings of the site allow 64 KiB of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.eventually import eventually

from .requests import send
from .settings import III_MAX_BODY_BYTES, III_MAX_FRAME_BYTES
from .sites import Site
from .sockets import BareWorker

pytestmark = pytest.mark.slow

TOO_BIG, CUT = 1009, 1006
TEXT = {"Content-Type": "text/plain"}
SLIGHTLY, FAR = 1, 8 * 1024 * 1024


def frame(size: int) -> str:
    """Return a ping of ``size`` bytes."""
    head, tail = '{"type":"ping","filler":"', '"}'
    return head + "x" * (size - len(head) - len(tail)) + tail


def pieces(size: int) -> Iterator[bytes]:
    """Yield ``size`` bytes in chunks of at most 16 KiB."""
    while size > 0:
        yield b"x" * min(size, 16 * 1024)
        size -= 16 * 1024


@pytest.fixture
def bystander(engine: Site) -> Iterator[BareWorker]:
    """A worker that does nothing wrong."""
    with BareWorker(engine.worker_url) as worker:
        yield worker


@pytest.mark.parametrize("in_fragments", [False, True])
def test_a_worker_that_sends_too_large_a_frame_is_closed_with_1009(
    engine: Site, bystander: BareWorker, in_fragments: bool
) -> None:
    text = frame(III_MAX_FRAME_BYTES + SLIGHTLY)
    with BareWorker(engine.worker_url) as worker:
        worker.offer("large", api_path="large", http_method="GET")
        # After the last fragment the client ends the message with an empty one, if it still can.
        with suppress(ConnectionClosed):
            worker.socket.send([text[:10000], text[10000:]] if in_fragments else text)
        assert worker.close_code() == TOO_BIG
    assert bystander.ping() == {"type": "pong"}
    assert engine.request("GET", "/where").status == 200
    eventually(lambda: engine.request("GET", "/large").status, lambda status: status == 404)


def test_a_worker_that_cannot_stop_sending_is_closed(engine: Site, bystander: BareWorker) -> None:
    with BareWorker(engine.worker_url) as worker:
        with suppress(ConnectionClosed):
            worker.socket.send(frame(FAR))
        # A client whose send is cut short may not get to read why.
        assert worker.close_code() in {TOO_BIG, CUT}
    assert bystander.ping() == {"type": "pong"}
    assert engine.request("GET", "/where").status == 200


def test_a_frame_as_large_as_allowed_is_taken(engine: Site, bystander: BareWorker) -> None:
    bystander.socket.send(frame(III_MAX_FRAME_BYTES))
    assert bystander.receive() == {"type": "pong"}


def test_a_body_as_large_as_allowed_is_taken(engine: Site) -> None:
    body = b"x" * III_MAX_BODY_BYTES
    answer = send(engine.http_port, "POST", "/echo", body, headers=TEXT)
    assert (answer.status, answer.body) == (200, {"length": III_MAX_BODY_BYTES})
    chunked = send(engine.http_port, "POST", "/echo", pieces(III_MAX_BODY_BYTES), headers=TEXT)
    assert chunked.body == {"length": III_MAX_BODY_BYTES}


@pytest.mark.parametrize("excess", [SLIGHTLY, FAR])
@pytest.mark.parametrize("prefix", ["", "/iii/http"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413(
    engine: Site, bystander: BareWorker, prefix: str, chunked: bool, excess: int
) -> None:
    size = III_MAX_BODY_BYTES + excess
    body = pieces(size) if chunked else b"x" * size
    port = engine.site_port if prefix else engine.http_port
    answer = send(port, "POST", f"{prefix}/echo", body, headers=TEXT)
    assert answer.status == 413
    assert answer.body["error"]["code"] == "PAYLOAD_TOO_LARGE"
    assert bystander.ping() == {"type": "pong"}
    assert engine.request("GET", "/where").status == 200
