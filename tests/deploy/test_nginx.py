"""nginx before two processes: everything passes, nothing passes that should not."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from iii_triggers.conf import MIB, Settings
from tests.e2e.environments import SDKS, SdkUnavailable
from tests.e2e.eventually import eventually
from tests.e2e.processes import free_ports
from tests.e2e.stream_clients import StreamClient
from tests.e2e.workers import Worker
from tests.processes.gates import Gate
from tests.processes.requests import send
from tests.processes.sites import LOOPBACK, Site, wait_ready
from tests.processes.sockets import BareWorker

from .proxies import Nginx
from .recipes import RECIPES, seconds

pytestmark = pytest.mark.slow

NODE = next(sdk for sdk in SDKS if sdk.name == "node_0_22")
ISSUE = """
from iii_triggers.models import WorkerToken
print(WorkerToken.objects.issue("nginx")[1])"""
CONFIGURATION = (RECIPES / "nginx.conf").read_text()


@pytest.fixture(scope="module")
def ports(site: Site) -> list[int]:
    """The ports of two processes of the site, which run."""
    ports = free_ports(2)
    closed = (
        "--http-port",
        0,
        "--worker-port",
        0,
        "--stream-port",
        0,
        "--no-consumer",
        "--no-beat",
    )
    for process in [site.runengine("--port", port, *closed) for port in ports]:
        wait_ready(process)
    return ports


@pytest.fixture(scope="module")
def nginx(ports: list[int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """The proxy before them."""
    with Nginx(tmp_path_factory.mktemp("nginx"), ports) as nginx:
        yield nginx


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    """A token for workers."""
    return site.shell(ISSUE).strip()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate that is closed."""
    with Gate() as gate:
        yield gate


def test_both_processes_answer(nginx: Nginx, site: Site) -> None:
    pids = {send(nginx.port, "GET", "/iii/http/where").body["pid"] for _ in range(4)}
    assert pids == {process.pid for process in site.others}


def test_a_worker_needs_a_token_though_nginx_is_on_loopback(
    nginx: Nginx, ports: list[int], site: Site, token: str
) -> None:
    # DEBUG is on: who connects to the port of a process from this machine needs none.
    with BareWorker(f"ws://{LOOPBACK}:{ports[0]}/iii/worker") as worker:
        assert worker.greeting["type"] == "workerregistered"
    through = f"ws://{LOOPBACK}:{nginx.port}/iii/worker"
    with BareWorker(through) as worker:
        assert worker.greeting["error"]["code"] == "AUTH_ERROR"
    with BareWorker(through, token=token) as worker:
        assert worker.greeting["type"] == "workerregistered"


def test_the_address_of_a_client_is_what_nginx_saw_not_what_the_client_says(
    nginx: Nginx, site: Site
) -> None:
    request = (
        "GET /iii/worker HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "X-Forwarded-For: 203.0.113.9\r\n\r\n"
    )
    source = ("127.0.0.2", 0)
    with socket.create_connection((LOOPBACK, nginx.port), 10, source_address=source) as client:
        client.sendall(request.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 101 ")
    said = "A worker from 127.0.0.2 was refused"
    eventually(lambda: any(said in process.tail() for process in site.others), bool)
    assert not any("203.0.113.9" in process.tail() for process in site.others)


def test_a_worker_of_an_sdk_comes_back_after_a_reload(
    nginx: Nginx, token: str, tmp_path: Path
) -> None:
    url = f"ws://{LOOPBACK}:{nginx.port}/iii/worker"
    try:
        worker = Worker(NODE, url=url, name="behind-nginx", home=tmp_path, III_TOKEN=token)
    except SdkUnavailable as reason:
        pytest.skip(str(reason))
    try:
        worker.wait_ready()
        worker.do("register_function", function_id="far.greet", behaviour="greet")
        config = {"api_path": "far", "http_method": "POST"}
        worker.do(
            "register_trigger",
            key="far",
            trigger_type="http",
            function_id="far.greet",
            config=config,
        )
        with BareWorker(url, token=token) as bare:
            # From either process, whichever the worker is connected to.
            for _ in range(2):
                eventually(lambda: far(nginx), lambda status: status == 200)
            nginx.reload()
            # nginx drops the connection: no close frame of the engine comes.
            assert bare.close_code() == 1006
        for _ in range(2):
            eventually(lambda: far(nginx), lambda status: status == 200)
        assert "far.greet" in worker.do("list_functions")
    finally:
        worker.kill()


def far(nginx: Nginx) -> int:
    headers = {"Content-Type": "application/json"}
    return send(nginx.port, "POST", "/iii/http/far", b'{"name": "Ada"}', headers=headers).status


def test_a_stream_client_hears_through_it(nginx: Nginx, token: str) -> None:
    with StreamClient(f"ws://{LOOPBACK}:{nginx.port}/iii/stream/") as client:
        assert client.joined("todos") == []
        with BareWorker(f"ws://{LOOPBACK}:{nginx.port}/iii/worker", token=token) as worker:
            item = {"stream_name": "todos", "group_id": "g", "item_id": "1", "data": {"n": 1}}
            worker.send(type="invokefunction", function_id="stream::set", data=item)
            assert client.event()["type"] == "create"


def test_a_streamed_answer_comes_part_by_part(nginx: Nginx, gate: Gate) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, nginx.port, timeout=15)
    connection.request("GET", f"/iii/http/drip?gate={gate.port}")
    answer = connection.getresponse()
    assert answer.read1(100) == b"data: first\n\n"
    gate.wait_entered()
    gate.open()
    assert answer.read() == b"data: second\n\n"
    connection.close()


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(nginx: Nginx) -> None:
    length = Settings.III_MAX_BODY_BYTES
    assert head(nginx, "/iii/http/echo", length + 1) == 413


def head(nginx: Nginx, path: str, length: int) -> int:
    """Send the head of a request and nothing else; return the status of the answer."""
    connection = http.client.HTTPConnection(LOOPBACK, nginx.port, timeout=15)
    try:
        connection.putrequest("POST", path)
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


def test_metrics_are_not_for_the_public(nginx: Nginx) -> None:
    assert send(nginx.port, "GET", "/iii/metrics").status == 404


def values(name: str) -> list[str]:
    return re.findall(rf"^\s*{name} ([^;]+);", CONFIGURATION, flags=re.MULTILINE)


def test_its_limits_are_those_of_the_engine() -> None:
    # Where functions read large bodies the engine alone has limits.
    assert values("client_max_body_size") == ["10m", "0"]
    assert 10 * MIB == Settings.III_MAX_BODY_BYTES
    silence_s = Settings.III_PING_INTERVAL_S + Settings.III_PING_TIMEOUT_S
    waits_s = [seconds(value) for value in values("proxy_read_timeout")]
    assert min(waits_s) > max(silence_s, Settings.III_DEFAULT_TIMEOUT_MS / 1000)
    assert values("proxy_send_timeout") == values("proxy_read_timeout")
    [passed_over] = values("proxy_next_upstream")
    assert "non_idempotent" not in passed_over
    assert "timeout" not in passed_over
