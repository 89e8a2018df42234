"""Engines are restarted one after the other, and workers go, under load: no call fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from iii_triggers.sdk import Client, init
from tests.e2e.eventually import eventually
from tests.support.redis_databases import redis_database

from .balancers import Balancer, Load
from .requests import send
from .sites import Site
from .sockets import BareWorker

pytestmark = pytest.mark.slow

WORKERS = 50
LIVE = "source = 'worker'"
HEARTBEAT_S, MARGIN_S = 5.0, 5.0
SETTINGS = "tests.processes.redis_settings"


class Twin(Site):
    """A second engine on the database of a site."""

    def __init__(self, site: Site, folder: Path) -> None:
        super().__init__(server=site.server, folder=folder, settings=SETTINGS)
        self._environment = site._environment
        self.database = site.database


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Site]]:
    """Two engines that share a database and a Redis."""
    folder = tmp_path_factory.mktemp("sites")
    site = Site(server="uvicorn", folder=folder / "one", settings=SETTINGS)
    twin = Twin(site, folder / "two")
    with redis_database() as url:
        site.configure(TEST_REDIS_URL=url)
        try:
            for engine in (site, twin):
                engine.start()
            yield [site, twin]
        finally:
            for engine in (site, twin):
                engine.end()


@pytest.fixture
def workers(engines: list[Site]) -> Iterator[list[Client]]:
    """Two workers that offer the same, through a balancer."""
    with ExitStack() as stack:
        balancer = stack.enter_context(Balancer([engine.worker_port for engine in engines]))
        workers = [worker(stack, balancer, name=f"roll-{number}") for number in (1, 2)]
        ports = [engine.http_port for engine in engines]
        for port in ports:
            eventually(lambda: send(port, "GET", "/roll").status, lambda status: status == 200)  # noqa: B023
        eventually(lambda: engines[0].count("worker"), lambda rows: rows == 2)
        yield workers


def worker(stack: ExitStack, balancer: Balancer, *, name: str) -> Client:
    url = f"ws://127.0.0.1:{balancer.port}"
    client = stack.enter_context(init(url, name=name, reconnect_initial_s=0.5))
    client.wait_connected(timeout_s=10)

    def roll(data: Any) -> Any:
        return {"by": name}

    client.register_function("roll", roll)
    config = {"api_path": "roll", "http_method": "GET"}
    client.register_trigger(type="http", function_id="roll", config=config)
    return client


def test_no_call_fails_while_engines_are_restarted_in_turn(
    engines: list[Site], workers: list[Client]
) -> None:
    with Load([engine.http_port for engine in engines], "/roll") as load:
        for engine in engines:
            before = load.answers["200"]
            eventually(lambda: load.answers["200"], lambda count: count > before + 100)  # noqa: B023
            engine.process.terminate()
            assert engine.process.wait() == 0
            engine.start()
            eventually(lambda: engines[0].count("worker"), lambda rows: rows == 2)
        before = load.answers["200"]
        eventually(lambda: load.answers["200"], lambda count: count > before + 100)
    assert set(load.answers) == {"200"}


def test_no_call_fails_while_a_worker_stops(engines: list[Site], workers: list[Client]) -> None:
    with Load([engine.http_port for engine in engines], "/roll") as load:
        eventually(lambda: load.answers["200"], lambda count: count > 100)
        workers[0].shutdown()
        before = load.answers["200"]
        eventually(lambda: load.answers["200"], lambda count: count > before + 100)
    assert set(load.answers) == {"200"}


def test_all_that_a_killed_process_left_is_gone_with_the_next_heartbeat_of_another(
    engines: list[Site],
) -> None:
    killed, other = engines
    with ExitStack() as stack:
        for number in range(WORKERS):
            bare = stack.enter_context(BareWorker(killed.worker_url))
            bare.offer(f"left-{number}", api_path=f"left/{number}", http_method="GET")
            queue = {"id": f"queue-{number}", "trigger_type": "queue", "config": {"topic": "left"}}
            bare.send(type="registertrigger", function_id=f"left-{number}", **queue)
        eventually(lambda: other.count("trigger", LIVE), lambda rows: rows == 2 * WORKERS)
        assert other.count("worker") == WORKERS
        killed.process.kill()
        began = time.monotonic()
        eventually(lambda: other.count("worker"), lambda rows: rows == 0)
        assert time.monotonic() - began < HEARTBEAT_S + MARGIN_S
    assert other.count("node", f"pid = {killed.process.pid}") == 0
    assert other.count("function", "worker_id IS NOT NULL") == 0
    assert other.count("trigger", LIVE) == 0
    # They go on collecting: their workers may come back.
    assert other.count("subscription", "topic = 'left'") == WORKERS
