"""Channels with published SDKs, unmodified, on a running engine: uploads, downloads, events."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from .engines import Engine
from .environments import SDKS, Sdk
from .fleet import Fleet
from .memory import watched
from .workers import Worker

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

MIB = 2**20
LARGE = 200 * MIB
MAX_GROWTH_MIB = 32
PIECE = bytes(range(256)) * 256
RAW = {"content-type": "application/octet-stream"}


def with_channels(name: str) -> Sdk:
    """Return an SDK with the program that uses its channels."""
    sdk = next(one for one in SDKS if one.name == name)
    kind = "python.py" if sdk.registry == "pypi" else "node.mjs"
    return replace(sdk, name=f"channels_{name}", program=f"channels_{kind}")


HAVING = [
    replace(
        with_channels("python_0_9"),
        name="channels_python_0_4",
        version="0.4.1",
        requirements=("iii-sdk[otel]==0.4.1", "websockets==15.0.1"),
    ),
    with_channels("python_0_9"),
    with_channels("python_0_25"),
    with_channels("node_0_22"),
]


@pytest.fixture(params=HAVING, ids=lambda sdk: sdk.name)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    """Each SDK that has channels."""
    chosen: Sdk = request.param
    return chosen


@pytest.fixture
def worker(engine: Engine, fleet: Fleet, sdk: Sdk) -> Worker:
    """Its worker, of which the engine knows all routes."""
    return known(engine, fleet[sdk])


@pytest.fixture
def partner(engine: Engine, fleet: Fleet, sdk: Sdk) -> Worker:
    """The worker of another SDK."""
    return known(engine, fleet[HAVING[(HAVING.index(sdk) + 1) % len(HAVING)]])


def known(engine: Engine, worker: Worker) -> Worker:
    """Return a worker when the engine has what it registers last."""
    deadline = time.monotonic() + 10
    while engine.request("POST", f"/{worker.name}/relay").status != 405:
        assert time.monotonic() < deadline
    return worker


def pieces(total: int) -> Iterator[bytes]:
    for start in range(0, total, len(PIECE)):
        yield PIECE[: total - start]


def upload(engine: Engine, path: str, body: Any, headers: dict[str, str]) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", engine.http_port, timeout=120)
    with closing(connection):
        connection.request(
            "POST", path, body, headers, encode_chunked="content-length" not in headers
        )
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return json.loads(content)


def download(
    engine: Engine, path: str, take: Callable[[http.client.HTTPResponse], Any]
) -> tuple[http.client.HTTPResponse, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", engine.http_port, timeout=120)
    with closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer, take(answer)


def digest(total: int) -> str:
    found = hashlib.sha256()
    for piece in pieces(total):
        found.update(piece)
    return found.hexdigest()


def test_a_binary_body_is_read_from_its_channel(engine: Engine, worker: Worker) -> None:
    for headers in (RAW | {"content-length": str(3 * MIB)}, RAW | {"transfer-encoding": "chunked"}):
        answer = upload(engine, f"/{worker.name}/size", pieces(3 * MIB), headers)
        assert answer == {"size": 3 * MIB, "sha256": digest(3 * MIB), "body": None}


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        ("application/json", b'{"n": 1.50}', {"n": 1.5}),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n',
            {"a": "1"},
        ),
        ("text/plain", b"text", "text"),
        ("application/pdf", b"%PDF\x00\xff", None),
    ],
)
def test_the_channel_has_any_body_as_it_came(
    engine: Engine, worker: Worker, content_type: str, body: bytes, value: Any
) -> None:
    answer = upload(engine, f"/{worker.name}/size", body, {"content-type": content_type})
    sha256 = hashlib.sha256(body).hexdigest()
    assert answer == {"size": len(body), "sha256": sha256, "body": value}


def test_a_download_is_streamed_with_status_and_headers(engine: Engine, worker: Worker) -> None:
    answer, content = download(engine, f"/{worker.name}/download?bytes={MIB}", lambda a: a.read())
    assert (answer.status, answer.headers["content-type"]) == (201, "application/x-test")
    assert content == b"".join(pieces(MIB))


def test_events_arrive_one_by_one(engine: Engine, worker: Worker) -> None:
    def take(answer: http.client.HTTPResponse) -> list[tuple[bytes, float]]:
        return [(answer.read(9), time.monotonic()) for _ in range(3)]

    answer, found = download(engine, f"/{worker.name}/events", take)
    assert answer.headers["content-type"] == "text/event-stream"
    assert [text for text, _ in found] == [b"data: %d\n\n" % n for n in range(3)]
    assert found[2][1] - found[0][1] > 0.05


def test_a_response_that_begins_after_the_empty_result_is_not_lost(
    engine: Engine, worker: Worker
) -> None:
    for _ in range(20):
        answer, content = download(engine, f"/{worker.name}/late", lambda a: a.read())
        assert (answer.status, content) == (202, b"late")


def test_a_function_that_does_nothing_is_answered_soon(engine: Engine, worker: Worker) -> None:
    times = []
    for _ in range(10):
        begin = time.monotonic()
        assert engine.request("GET", f"/{worker.name}/void").status == 204
        times.append(time.monotonic() - begin)
    print(f"{worker.name} void: {sorted(times)[5] * 1000:.0f} ms")
    assert sorted(times)[5] < 0.4


def test_a_channel_passes_from_worker_to_worker(
    engine: Engine, worker: Worker, partner: Worker
) -> None:
    path = f"/{worker.name}/relay?function_id={partner.name}.total"
    answer = engine.request("GET", path)
    assert answer.body == {"sum": 600_000, "size": 300_000, "texts": ["text"]}


class TestMemory:
    """200 MiB pass through without the engine growing by more than 32 MiB."""

    @pytest.mark.parametrize("pause_ms", [0, 10], ids=["fast", "slow"])
    def test_upload(self, engine: Engine, worker: Worker, pause_ms: int) -> None:
        path = f"/{worker.name}/size?pause_ms={pause_ms}"
        upload(engine, path, pieces(65536), RAW | {"content-length": "65536"})
        with watched(engine.process.pid) as memory:
            begin = time.monotonic()
            headers = RAW | {"content-length": str(LARGE)}
            answer = upload(engine, path, pieces(LARGE), headers)
        _report(engine, worker, f"upload, pause {pause_ms} ms", memory.growth_mib, begin)
        assert answer["size"] == LARGE
        assert memory.growth_mib <= MAX_GROWTH_MIB

    @pytest.mark.parametrize("pause_ms", [0, 10], ids=["fast", "slow"])
    def test_download(self, engine: Engine, worker: Worker, pause_ms: int) -> None:
        def take(answer: http.client.HTTPResponse) -> int:
            total = 0
            while chunk := answer.read(MIB):
                total += len(chunk)
                time.sleep(pause_ms / 1000)
            return total

        download(engine, f"/{worker.name}/download?bytes=65536", take)
        with watched(engine.process.pid) as memory:
            begin = time.monotonic()
            _, total = download(engine, f"/{worker.name}/download?bytes={LARGE}", take)
        _report(engine, worker, f"download, pause {pause_ms} ms", memory.growth_mib, begin)
        assert total == LARGE
        assert memory.growth_mib <= MAX_GROWTH_MIB


def _report(engine: Engine, worker: Worker, what: str, growth_mib: float, begin: float) -> None:
    seconds = time.monotonic() - begin
    print(f"{engine.server} {worker.name} {what}: +{growth_mib:.1f} MiB in {seconds:.1f} s")
