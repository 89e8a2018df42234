"""The site served by its ASGI server alone: every door is a path on one port."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from iii_triggers.sdk import init
from tests.e2e.eventually import eventually

from .sites import LOOPBACK, Site
from .sockets import BareWorker

pytestmark = pytest.mark.slow

APPLICATION = "iii_project.asgi:application"


def answers(site: Site) -> bool:
    """Tell whether the site serves."""
    try:
        return site.pages("/iii/healthz").status == 200
    except ConnectionError:
        return False


@pytest.fixture(scope="module", params=["uvicorn", "daphne", "runserver"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site behind each server, started the way its own documentation says."""
    site = Site(server=request.param, folder=tmp_path_factory.mktemp("site") / "state")
    port = str(site.site_port)
    commands = {
        "uvicorn": ["-m", "uvicorn", "--host", LOOPBACK, "--port", port, APPLICATION],
        "daphne": ["-m", "daphne", "--bind", LOOPBACK, "--port", port, APPLICATION],
        "runserver": ["manage.py", "runserver", "--noreload", f"{LOOPBACK}:{port}"],
    }
    try:
        site.spawn("site", [sys.executable, *commands[request.param]])
        eventually(lambda: answers(site), bool, timeout_s=40)
        yield site
    finally:
        site.end()


def test_triggers_answer_below_their_prefix(served: Site) -> None:
    pid = served.others[-1].pid
    assert served.pages("/iii/http/where").body == {"pid": pid}
    assert served.pages("/iii/http/where-async").body == {"pid": pid}
    assert served.pages("/where").status == 404
    assert served.pages("/iii/http/nowhere").status == 404
    assert served.pages("/admin/login/").status == 200


def test_the_engine_is_ready_with_the_first_request(served: Site) -> None:
    ready = served.pages("/iii/readyz")
    assert (ready.status, ready.body) == (200, {"status": "ready"})


def test_workers_connect_below_iii_worker(served: Site) -> None:
    with init(served.site_url) as worker:
        worker.wait_connected(timeout_s=10)
        worker.register_function("single", lambda data: {"message": f"Hello, {data['name']}!"})
        config = {"api_path": "single/:name", "http_method": "GET"}
        worker.register_trigger(type="http", function_id="single", config=config)
        assert served.pages("/iii/http/single/Ada").body == {"message": "Hello, Ada!"}
        assert worker.call("site.where") == {"pid": served.others[-1].pid}
    eventually(lambda: served.pages("/iii/http/single/Ada").status, lambda status: status == 404)


def test_the_telemetry_socket_is_accepted_and_silent(served: Site) -> None:
    with connect(f"{served.site_url}/otel", proxy=None) as socket:
        socket.send(b"OTLP\x00\x01")
        socket.ping().wait(10)


def test_a_socket_nobody_serves_is_denied(served: Site) -> None:
    with (
        pytest.raises(InvalidStatus) as denied,
        connect(f"ws://{LOOPBACK}:{served.site_port}/elsewhere", proxy=None),
    ):
        pass
    assert denied.value.response.status_code == 403
    assert served.pages("/iii/healthz").status == 200


def test_a_stop_never_tells_a_worker_to_stay_away(served: Site) -> None:
    with BareWorker(served.site_url) as worker:
        served.others[-1].terminate()
        assert worker.close_code() not in {1000, 1001, 1005}
    served.others[-1].wait()
