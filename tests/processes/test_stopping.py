"""SIGTERM: what runs is answered, workers are told to come back, no row is left behind."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from iii_triggers.sdk import init
from tests.e2e.engines import Answer
from tests.e2e.eventually import eventually

from .gates import Gate
from .sites import Site, wait_ready
from .sockets import BareWorker

pytestmark = pytest.mark.slow

RESTARTING = 1012
AT_ONCE_S = 3.0


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for requests that are in flight."""
    with ThreadPoolExecutor() as pool:
        yield pool


def begin(pool: ThreadPoolExecutor, engine: Site, path: str, gate: Gate) -> Future[Answer]:
    """Send a request and return when its function waits at the gate."""
    request = pool.submit(engine.request, "POST", path, {"gate": gate.port})
    gate.wait_entered()
    return request


def accepts(engine: Site) -> bool:
    """Tell whether the door for HTTP triggers still takes connections."""
    try:
        engine.request("GET", "/nowhere")
    except (ConnectionError, TimeoutError):
        return False
    return True


def wait_refusing(engine: Site) -> None:
    """Return once new connections are refused."""
    eventually(lambda: accepts(engine), lambda accepted: not accepted, timeout_s=5)


def assert_nothing_is_left(engine: Site) -> None:
    assert engine.count("node") == 0
    assert engine.count("worker") == 0
    assert engine.count("function", "worker_id IS NOT NULL") == 0
    assert engine.count("trigger", "source = 'worker'") == 0


@pytest.mark.parametrize("path", ["/wait", "/wait-async"])
def test_a_request_in_flight_is_answered(
    engine: Site, gate: Gate, pool: ThreadPoolExecutor, path: str
) -> None:
    with BareWorker(engine.worker_url) as worker:
        worker.offer("bare", api_path="bare", http_method="GET")
        eventually(lambda: engine.count("worker"), lambda rows: rows == 1)
        request = begin(pool, engine, path, gate)
        engine.process.terminate()
        wait_refusing(engine)
        assert not request.done()
        gate.open()
        assert request.result().status == 200
        assert request.result().body == {"waited": True, "pid": engine.process.pid}
        assert worker.close_code() == RESTARTING
    assert engine.process.wait() == 0
    assert "Traceback" not in engine.process.tail()
    assert_nothing_is_left(engine)


def test_a_request_in_flight_on_a_worker_is_answered(
    engine: Site, pool: ThreadPoolExecutor
) -> None:
    entered, opened = threading.Event(), threading.Event()

    def wait(data: object) -> dict[str, bool]:
        entered.set()
        return {"waited": opened.wait(15)}

    with init(engine.worker_url, reconnect_initial_s=0.1) as worker:
        worker.wait_connected(timeout_s=10)
        worker.register_function("worker.wait", wait)
        config = {"api_path": "worker-wait", "http_method": "POST"}
        worker.register_trigger(type="http", function_id="worker.wait", config=config)
        request = pool.submit(engine.request, "POST", "/worker-wait", {})
        assert entered.wait(10)
        engine.process.terminate()
        wait_refusing(engine)
        opened.set()
        assert (request.result().status, request.result().body) == (200, {"waited": True})
        assert engine.process.wait() == 0
        assert_nothing_is_left(engine)
        engine.start()
        eventually(
            lambda: engine.request("POST", "/worker-wait", {}).status, lambda status: status == 200
        )


def test_an_idle_keep_alive_connection_delays_nothing(engine: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", engine.http_port, timeout=10)
    connection.request("GET", "/where")
    assert connection.getresponse().read()
    began = time.monotonic()
    engine.process.terminate()
    assert engine.process.wait() == 0
    assert time.monotonic() - began < AT_ONCE_S
    connection.close()


def test_sigint_stops_as_cleanly(engine: Site) -> None:
    os.kill(engine.process.pid, signal.SIGINT)
    assert engine.process.wait() == 0
    assert "Traceback" not in engine.process.tail()
    assert_nothing_is_left(engine)


@pytest.mark.parametrize("path", ["/stuck", "/wait-async"])
def test_a_second_sigterm_stops_at_once(
    engine: Site, gate: Gate, pool: ThreadPoolExecutor, path: str
) -> None:
    request = begin(pool, engine, path, gate)
    engine.process.terminate()
    wait_refusing(engine)
    began = time.monotonic()
    engine.process.terminate()
    engine.process.wait()
    assert time.monotonic() - began < AT_ONCE_S
    assert isinstance(request.exception(), ConnectionError)


def test_a_function_that_never_ends_cannot_keep_the_process(
    site: Site, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    process = site.runengine(*site.ports(), "--settings", "tests.processes.impatient_settings")
    wait_ready(process)
    begin(pool, site, "/stuck", gate)
    began = time.monotonic()
    process.terminate()
    assert process.wait() == 0
    assert time.monotonic() - began < 1 + AT_ONCE_S
    assert_nothing_is_left(site)
