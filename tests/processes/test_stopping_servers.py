"""SIGTERM for servers that are not ours: uvicorn, gunicorn and Daphne drain as runengine does."""

from __future__ import annotations

import http.client
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from iii_triggers.sdk import Client, init
from tests.e2e.eventually import eventually

from .gates import Gate
from .sites import LOOPBACK, Site
from .sockets import BareWorker
from .test_stopping import AT_ONCE_S, assert_nothing_is_left

pytestmark = pytest.mark.slow

APPLICATION = "iii_project.asgi:application"
GUNICORN = ["gunicorn", "--workers", "1", "--worker-class"]
COMMANDS = {
    "uvicorn": ["uvicorn", "--host", LOOPBACK, "--port", "{port}"],
    "gunicorn": [*GUNICORN, "uvicorn_worker.UvicornWorker", "--bind", f"{LOOPBACK}:{{port}}"],
    "ours": [
        *GUNICORN,
        "iii_triggers.servers.gunicorn.TriggerUvicornWorker",
        "--bind",
        f"{LOOPBACK}:{{port}}",
    ],
    "daphne": ["daphne", "--bind", LOOPBACK, "--port", "{port}"],
}
RESTARTING = {"daphne": 4012}
"""Close codes, where it is not 1012: Daphne sends only those of applications."""


def is_ready(site: Site) -> bool:
    try:
        return site.pages("/iii/readyz").status == 200
    except ConnectionError:
        return False


def start(site: Site) -> None:
    """Start the server of a site and return when it is ready."""
    words = [word.format(port=site.site_port) for word in COMMANDS[site.server]]
    site.spawn(site.server, [sys.executable, "-m", *words, APPLICATION])
    eventually(lambda: is_ready(site), bool, timeout_s=40)


@pytest.fixture(params=list(COMMANDS))
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site behind each server."""
    site = Site(server=request.param, folder=tmp_path_factory.mktemp("site") / "state")
    try:
        start(site)
        yield site
    finally:
        site.end()


class Waiting:
    """A worker whose function waits until the test lets it go on."""

    def __init__(self, client: Client) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        client.wait_connected(timeout_s=10)
        client.register_function("worker.wait", self.wait)
        config = {"api_path": "worker-wait", "http_method": "GET"}
        client.register_trigger(type="http", function_id="worker.wait", config=config)

    def wait(self, data: object) -> dict[str, bool]:
        self.entered.set()
        return {"waited": self.opened.wait(15)}


def test_what_is_in_flight_is_answered_and_workers_are_sent_away(served: Site) -> None:
    process = served.others[-1]
    idle = http.client.HTTPConnection(LOOPBACK, served.site_port, timeout=10)
    idle.request("GET", "/iii/http/where")
    assert idle.getresponse().read()
    with (
        init(served.site_url, reconnect_initial_s=60) as client,
        BareWorker(served.site_url) as bare,
        ThreadPoolExecutor() as pool,
    ):
        waiting = Waiting(client)
        request = pool.submit(served.pages, "/iii/http/worker-wait")
        assert waiting.entered.wait(10)
        process.terminate()
        assert bare.close_code() == RESTARTING.get(served.server, 1012)
        assert not is_ready(served)
        # A request on a connection that is open is answered, and is the last one.
        idle.request("GET", "/iii/http/where")
        answer = idle.getresponse()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        waiting.opened.set()
        assert (request.result().status, request.result().body) == (200, {"waited": True})
        process.wait()
    assert "Traceback" not in process.tail()
    assert_nothing_is_left(served)
    idle.close()


@pytest.mark.parametrize("served", ["uvicorn", "daphne"], indirect=True)
def test_a_second_sigterm_ends_at_once(served: Site, gate: Gate) -> None:
    process = served.others[-1]
    with init(served.site_url) as client, ThreadPoolExecutor() as pool:
        waiting = Waiting(client)
        request = pool.submit(served.pages, "/iii/http/worker-wait")
        assert waiting.entered.wait(10)
        process.terminate()
        eventually(lambda: is_ready(served), lambda ready: not ready, timeout_s=5)
        began = time.monotonic()
        process.terminate()
        process.wait()
        assert time.monotonic() - began < AT_ONCE_S
        assert isinstance(request.exception(), ConnectionError)
        waiting.opened.set()
