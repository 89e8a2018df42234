"""Replicas of a worker join and leave two engines while calls flow: none of them fails."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from iii_triggers.sdk import Client, init
from tests.e2e.eventually import eventually
from tests.e2e.processes import free_ports
from tests.support.redis_databases import redis_database

from .requests import send
from .sites import LOOPBACK, Site, wait_ready

pytestmark = pytest.mark.slow

JOINS = 6


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose processes share a Redis."""
    folder = tmp_path_factory.mktemp("replicas") / "state"
    site = Site(server="uvicorn", folder=folder, settings="tests.processes.redis_settings")
    with redis_database() as url:
        site.configure(TEST_REDIS_URL=url)
        try:
            site.add_triggers({"replicas": "replica.greet"})
            site.start()
            yield site
        finally:
            site.end()


@pytest.fixture
def other(site: Site) -> Iterator[tuple[int, str]]:
    """A second engine: the port of its door for triggers, and its URL for workers."""
    site_port, http_port, worker_port = free_ports(3)
    doors = ("--port", site_port, "--http-port", http_port, "--worker-port", worker_port)
    process = site.runengine(*doors, "--stream-port", 0)
    wait_ready(process)
    yield http_port, f"ws://{LOOPBACK}:{worker_port}"
    process.kill()


class Callers:
    """Threads that call, each at one engine, until they are told to stop."""

    def __init__(self, *ports: int) -> None:
        self.statuses: Counter[int] = Counter()
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(port,)) for port in ports]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the calls and wait for the last ones."""
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _call(self, port: int) -> None:
        while not self._done.is_set():
            self.statuses[status(port)] += 1


def status(port: int) -> int:
    return send(port, "POST", "/replicas", b"{}").status


def replica(url: str) -> Client:
    client = init(url)
    client.register_function("replica.greet", lambda data: {"ok": True})
    return client


def test_no_call_fails_while_replicas_join_and_leave(site: Site, other: tuple[int, str]) -> None:
    port, url = other
    workers = [replica(site.worker_url), replica(url)]
    for door in (site.http_port, port):
        eventually(partial(status, door), lambda answered: answered == 200)
    callers = Callers(site.http_port, port, port)
    try:
        for number in range(JOINS):
            workers.append(replica((site.worker_url, url)[number % 2]))
            served = callers.statuses.total()
            eventually(callers.statuses.total, lambda now, served=served: now > served + 20)
            leaving = workers.pop(0)
            leaving.shutdown()
    finally:
        callers.stop()
        for worker in workers:
            worker.shutdown()
    assert set(callers.statuses) == {200}, callers.statuses
