"""``runengine`` opens its doors, says so, and refuses what cannot be."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.processes import Process

from .requests import send
from .sites import LOOPBACK, Site, wait_ready
from .sockets import BareWorker

pytestmark = pytest.mark.slow


def refused(process: Process) -> str:
    """Return what a command wrote that ended with a clear error."""
    code, said = process.wait(), process.tail()
    assert code == 1, said
    assert "Traceback" not in said
    assert "CommandError: " in said
    return said


def listens(port: int) -> bool:
    """Tell whether anybody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def test_it_says_one_line_for_each_door_and_ready(site: Site) -> None:
    process = site.runengine(*site.ports())
    assert wait_ready(process) == [
        f"site: http://127.0.0.1:{site.site_port}",
        f"HTTP triggers: http://127.0.0.1:{site.http_port}",
        f"worker sockets: ws://127.0.0.1:{site.worker_port}",
        f"stream clients: ws://127.0.0.1:{site.stream_port}",
    ]
    ports = (site.site_port, site.http_port, site.worker_port, site.stream_port)
    assert all(listens(port) for port in ports)
    process.kill()


def test_port_0_closes_a_door(site: Site) -> None:
    closed = ("--port", 0, "--worker-port", 0, "--stream-port", 0)
    process = site.runengine("--http-port", site.http_port, *closed)
    assert wait_ready(process) == [f"HTTP triggers: http://127.0.0.1:{site.http_port}"]
    assert send(site.http_port, "GET", "/where").status == 200
    assert not listens(site.site_port)
    assert not listens(site.worker_port)
    assert not listens(site.stream_port)
    process.kill()


@pytest.mark.parametrize("door", ["site", "HTTP triggers", "worker sockets", "stream clients"])
def test_a_taken_port_is_a_clear_error(site: Site, door: str) -> None:
    ports = {
        "site": site.site_port,
        "HTTP triggers": site.http_port,
        "worker sockets": site.worker_port,
        "stream clients": site.stream_port,
    }
    with socket.create_server((LOOPBACK, ports[door])):
        said = refused(site.runengine(*site.ports()))
    assert f"{door}: 127.0.0.1:{ports[door]}: Address already in use" in said
    assert "\nready" not in said


def test_an_address_of_another_machine_is_a_clear_error(site: Site) -> None:
    assert "site: 203.0.113.1:" in refused(site.runengine(*site.ports(), host="203.0.113.1"))


def test_a_host_that_does_not_exist_is_a_clear_error(site: Site) -> None:
    assert "no-such-host.invalid" in refused(
        site.runengine(*site.ports(), host="no-such-host.invalid")
    )


def test_a_host_name_serves_as_an_address_does(site: Site) -> None:
    process = site.runengine(*site.ports(), host="localhost")
    assert f"site: http://localhost:{site.site_port}" in wait_ready(process)
    assert send(site.http_port, "GET", "/where").status == 200
    process.kill()


def test_an_ipv6_address_serves_every_door(site: Site) -> None:
    process = site.runengine(*site.ports(), host="::1")
    assert f"HTTP triggers: http://[::1]:{site.http_port}" in wait_ready(process)
    assert send(site.http_port, "GET", "/where", host="::1").status == 200
    with BareWorker(f"ws://[::1]:{site.worker_port}") as worker:
        assert worker.ping() == {"type": "pong"}
    process.kill()


def test_health_pages_answer_on_the_port_of_the_site(engine: Site) -> None:
    assert engine.pages("/iii/healthz").body == {"status": "ok"}
    ready = engine.pages("/iii/readyz")
    parts = {"consumer": "running", "beat": "running"}
    assert (ready.status, ready.body) == (200, {"status": "ready", **parts})


def test_each_door_serves_one_thing(engine: Site) -> None:
    assert engine.pages("/where").status == 404
    assert engine.pages("/iii/http/where").body == {"pid": engine.process.pid}
    assert engine.pages("/admin/login/").status == 200
    assert engine.request("GET", "/admin/login/").status == 404
    assert send(engine.worker_port, "GET", "/where").status == 404
    assert send(engine.stream_port, "GET", "/where").status == 404


def test_static_files_of_the_admin_are_served_in_development(engine: Site) -> None:
    assert engine.pages("/static/admin/css/base.css").status == 200
