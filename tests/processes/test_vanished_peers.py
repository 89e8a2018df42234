"""Peers that are not there any more though nobody closed the connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.e2e.environments import SDKS, SdkUnavailable
from tests.e2e.eventually import eventually
from tests.e2e.workers import Worker

from .cables import Cable
from .sites import Site
from .sockets import BareWorker

pytestmark = pytest.mark.slow

SETTINGS = "tests.processes.quick_ping_settings"
FOUND_S = 15.0
LARGE = "x" * 60_000
OLD = next(sdk for sdk in SDKS if sdk.version == "0.9.0")
TELEMETRY = {"OTEL_ENABLED": "true"}


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp(f"pings-{request.param}") / "state"
    site = Site(server=request.param, folder=folder, settings=SETTINGS)
    try:
        yield site
    finally:
        site.end()


@pytest.fixture
def cable(engine: Site) -> Iterator[Cable]:
    with Cable("127.0.0.1", engine.worker_port) as cable:
        yield cable


def through(cable: Cable) -> str:
    return f"ws://127.0.0.1:{cable.port}"


def is_gone(site: Site, path: str) -> None:
    eventually(
        lambda: site.request("GET", path).status,
        lambda status: status == 404,
        timeout_s=FOUND_S,
    )


def test_a_worker_whose_network_fell_silent_is_found_and_others_stay(
    engine: Site, cable: Cable
) -> None:
    with BareWorker(engine.worker_url) as healthy, BareWorker(through(cable)) as vanished:
        healthy.offer("healthy", api_path="healthy", http_method="GET")
        vanished.offer("vanished", api_path="vanished", http_method="GET")
        cable.loosen()
        is_gone(engine, "/vanished")
        assert healthy.ping() == {"type": "pong"}
        assert "healthy" in listed(healthy)


def test_a_vanished_worker_that_was_sent_much_is_found_too(engine: Site, cable: Cable) -> None:
    with BareWorker(engine.worker_url) as caller, BareWorker(through(cable)) as vanished:
        vanished.offer("swamped", api_path="swamped", http_method="GET")
        cable.loosen()
        for _ in range(150):
            caller.send(type="invokefunction", function_id="swamped", data=LARGE)
        is_gone(engine, "/swamped")


def test_a_socket_that_is_never_read_by_its_program_stays(engine: Site) -> None:
    """The telemetry of old SDKs: their WebSocket library answers pings by itself."""
    with (
        connect(engine.worker_url, proxy=None) as telemetry,
        BareWorker(engine.worker_url) as probe,
        Cable("127.0.0.1", engine.worker_port) as cable,
        BareWorker(through(cable)) as vanished,
    ):
        vanished.offer("clock", api_path="clock", http_method="GET")
        for _ in range(2):
            telemetry.send(b'OTLP{"resourceSpans":[]}')
        cable.loosen()
        is_gone(engine, "/clock")
        telemetry.send(b'OTLP{"resourceSpans":[]}')
        telemetry.ping().wait(FOUND_S)
        assert telemetry.close_code is None
        assert probe.ping() == {"type": "pong"}


@pytest.mark.sdk
def test_the_telemetry_socket_of_an_old_sdk_which_it_never_reads_stays(
    engine: Site, cable: Cable, tmp_path: Path
) -> None:
    try:
        url = through(cable)
        worker = Worker(OLD, url=url, name="old", home=tmp_path / "old", **TELEMETRY)
    except SdkUnavailable as reason:
        pytest.skip(str(reason))
    try:
        worker.wait_ready()
        eventually(lambda: cable.opened, lambda opened: opened == 2)
        with Cable("127.0.0.1", engine.worker_port) as other, BareWorker(through(other)) as clock:
            clock.offer("tick", api_path="tick", http_method="GET")
            # Until the silent one is found, the old SDK has been asked several times.
            other.loosen()
            is_gone(engine, "/tick")
        assert "old" in worker.do("list_workers")
        assert cable.opened == 2
    finally:
        worker.kill()


def listed(worker: BareWorker) -> list[Any]:
    worker.send(
        type="invokefunction", function_id="engine::functions::list", data={}, invocation_id="list"
    )
    return [row["function_id"] for row in worker.receive()["result"]["functions"]]
