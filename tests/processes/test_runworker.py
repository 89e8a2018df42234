"""``runworker``: the site's functions in a process of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from iii_triggers.sdk import init
from tests.e2e.engines import Answer
from tests.e2e.eventually import eventually
from tests.e2e.processes import READY_S, Process

from .gates import Gate
from .sites import Site, wait_ready

pytestmark = pytest.mark.slow

AT_ONCE_S = 3.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site: the server of the engine is not what is tested here."""
    site = Site(server="uvicorn", folder=tmp_path_factory.mktemp("site") / "state")
    try:
        yield site
    finally:
        site.end()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for requests that are in flight."""
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture
def worker(engine: Site) -> Iterator[Process]:
    """A ``runworker`` process that the engine knows."""
    worker = engine.run_worker("--url", engine.worker_url, "--grace", 5)
    wait_ready(worker)
    wait_serving(engine, worker)
    yield worker
    worker.kill()
    wait_serving(engine, engine.process)


def server_of(engine: Site, path: str = "/where") -> object:
    """Return the id of the process that answers a route; None for one that just went."""
    return engine.request("GET", path).body.get("pid")


def wait_serving(engine: Site, process: Process) -> None:
    """Wait until this process runs the functions of the site."""
    eventually(lambda: server_of(engine), lambda pid: pid == process.pid, timeout_s=READY_S)


def begin(pool: ThreadPoolExecutor, engine: Site, path: str, gate: Gate) -> Future[Answer]:
    """Send a request and return when its function waits at the gate."""
    request = pool.submit(engine.request, "POST", path, {"gate": gate.port})
    gate.wait_entered()
    return request


def test_functions_of_the_site_run_in_the_worker(engine: Site, worker: Process) -> None:
    assert server_of(engine, "/where") == worker.pid
    assert server_of(engine, "/where-async") == worker.pid


def test_it_says_what_it_offers(engine: Site) -> None:
    worker = engine.run_worker("--url", engine.worker_url, "--name", "reports")
    lines = wait_ready(worker)
    assert len(lines) == 1
    assert "site.where, " in lines[0]
    eventually(lambda: engine.count("worker", "name = 'reports'"), lambda rows: rows == 1)
    worker.kill()


def test_iii_runworker_is_the_same_command(engine: Site) -> None:
    worker = engine.run_worker("--url", engine.worker_url, command="iii_runworker")
    wait_ready(worker)
    wait_serving(engine, worker)
    worker.kill()


def test_it_comes_back_when_the_engine_does(engine: Site, worker: Process) -> None:
    engine.process.kill()
    engine.start()
    wait_serving(engine, worker)
    assert server_of(engine, "/where-async") == worker.pid


def test_it_waits_for_an_engine_that_is_not_there_yet(site: Site) -> None:
    if site.runs and site.process.is_running:
        site.process.kill()
    worker = site.run_worker("--url", site.worker_url)
    worker.wait_for(
        lambda line: line == "waiting for the engine", timeout_s=READY_S, what="that it waits"
    )
    site.start()
    wait_serving(site, worker)
    worker.kill()


@pytest.mark.parametrize("path", ["/wait", "/wait-async"])
def test_a_running_function_finishes_when_the_worker_is_asked_to_stop(
    engine: Site, worker: Process, gate: Gate, pool: ThreadPoolExecutor, path: str
) -> None:
    request = begin(pool, engine, path, gate)
    worker.terminate()
    worker.wait_for(lambda line: line == "draining", timeout_s=5, what="that it drains")
    wait_serving(engine, engine.process)
    assert not request.done()
    gate.open()
    assert (request.result().status, request.result().body["pid"]) == (200, worker.pid)
    assert worker.wait() == 0
    assert "Traceback" not in worker.tail()


def test_sigint_stops_as_cleanly(engine: Site, worker: Process) -> None:
    os.kill(worker.pid, signal.SIGINT)
    assert worker.wait() == 0
    assert "Traceback" not in worker.tail()


def test_a_function_that_never_ends_cannot_keep_the_worker(
    engine: Site, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    worker = engine.run_worker("--url", engine.worker_url, "--grace", 1)
    wait_ready(worker)
    wait_serving(engine, worker)
    request = begin(pool, engine, "/stuck", gate)
    began = time.monotonic()
    worker.terminate()
    assert worker.wait() == 0
    assert time.monotonic() - began < 1 + AT_ONCE_S
    assert request.result().status == 503


def test_a_second_sigterm_stops_at_once(
    engine: Site, worker: Process, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    request = begin(pool, engine, "/wait", gate)
    worker.terminate()
    worker.wait_for(lambda line: line == "draining", timeout_s=5, what="that it drains")
    began = time.monotonic()
    worker.terminate()
    worker.wait()
    assert time.monotonic() - began < AT_ONCE_S
    assert request.result().status == 503


def test_concurrency_bounds_what_runs_at_a_time(
    engine: Site, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    worker = engine.run_worker("--url", engine.worker_url, "--concurrency", 1)
    wait_ready(worker)
    wait_serving(engine, worker)
    first = begin(pool, engine, "/wait", gate)
    second = pool.submit(server_of, engine)
    assert not wait([second], timeout=0.5).done
    gate.open()
    assert first.result().status == 200
    assert second.result() == worker.pid
    worker.kill()


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_a_function_reaches_functions_of_other_workers(
    engine: Site, worker: Process, how: str
) -> None:
    with init(engine.worker_url, name="other") as other:
        other.wait_connected(timeout_s=10)
        other.register_function("other.echo", lambda data: {"echo": data})
        assert other.call("engine::functions::list")
        answer = engine.request("POST", f"/{how}", {"function_id": "other.echo"})
        assert answer.body["pid"] == worker.pid
        assert answer.body["result"]["echo"]["from"] == how


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_a_function_reaches_functions_of_its_own_worker(
    engine: Site, worker: Process, how: str
) -> None:
    answer = engine.request("POST", f"/{how}", {"function_id": "site.where"})
    assert answer.body == {"pid": worker.pid, "result": {"pid": worker.pid}}


def test_what_a_function_fires_runs(engine: Site, worker: Process, tmp_path: Path) -> None:
    target = tmp_path / "written"
    answer = engine.request("POST", "/fire", {"type": "site.plain", "target": str(target)})
    assert answer.body == {"pid": worker.pid, "fired": 1}
    eventually(target.exists, bool, timeout_s=5)


def test_an_address_that_is_none_is_a_clear_error(site: Site) -> None:
    worker = site.run_worker("--url", "http://127.0.0.1:49134")
    assert worker.wait() == 1
    assert "CommandError: Not a WebSocket address: 'http://127.0.0.1:49134'" in worker.tail()


def test_channel_names_hand_over_to_channels(site: Site) -> None:
    worker = site.run_worker("thumbnails", "reports")
    worker.wait_logged("Running worker for channels ['thumbnails', 'reports']", timeout_s=READY_S)
    assert worker.is_running
    worker.kill()
