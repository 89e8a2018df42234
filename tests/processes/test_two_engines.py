"""Two engines on one database and one Redis: a worker of one is everybody's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from iii_triggers.sdk import Client, init
from tests.e2e.eventually import eventually
from tests.e2e.processes import Process, free_ports
from tests.support.redis_databases import redis_database

from .requests import send
from .sites import Site, wait_ready

pytestmark = pytest.mark.slow

GREET = {"greet": "far.greet"}
UNAVAILABLE = "WORKER_UNAVAILABLE"
CALL = """
from iii_triggers import invoke, publish
publish("t", 1)
print(invoke("far.greet", {"body": {"name": "Ada"}}))"""

CONNECTIONS = """
import os, threading
import redis
from iii_triggers import invoke

def call(number):
    body = {"body": {"name": str(number)}}
    assert invoke("far.greet", body) == {"hello": str(number)}

def calls(numbers):
    for number in numbers:
        call(number)

call(0)
own = redis.Redis.from_url(os.environ["TEST_REDIS_URL"])
database = str(own.connection_pool.connection_kwargs["db"])
mine = lambda: {one["id"] for one in own.client_list() if one["db"] == database}
before = mine()
threads = [threading.Thread(target=calls, args=(range(i, 300, 3),)) for i in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
loops = [thread for thread in threading.enumerate() if thread.name == "iii-engine"]
print(len(mine() - before), len(loops))"""

DISCONNECT = """
from django.contrib.auth.models import User
from iii_triggers.models import Worker
from iii_triggers.operations.workers import disconnect
user, _ = User.objects.get_or_create(username="ada")
worker = Worker.objects.get()
disconnect(worker, user=user)
print(worker.pk)"""


@pytest.fixture(scope="module", params=["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site whose processes share a Redis, with one engine running, on each layer."""
    folder = tmp_path_factory.mktemp("site") / "state"
    site = Site(server="uvicorn", folder=folder, settings="tests.processes.redis_settings")
    with redis_database() as url:
        site.configure(TEST_REDIS_URL=url, TEST_LAYER=f"channels_redis.{request.param}")
        try:
            site.add_triggers(GREET)
            site.start()
            yield site
        finally:
            site.end()


@pytest.fixture
def worker(site: Site) -> Iterator[Client]:
    """A worker of the first engine."""
    with init(site.worker_url) as client:
        client.register_function("far.greet", lambda data: {"hello": data["body"]["name"]})
        yield client


@pytest.fixture
def other(site: Site) -> Iterator[tuple[Process, int]]:
    """A second engine and the port of its door for triggers."""
    site_port, http_port = free_ports(2)
    doors = ("--port", site_port, "--http-port", http_port)
    process = site.runengine(*doors, "--worker-port", 0, "--stream-port", 0)
    wait_ready(process)
    yield process, http_port
    process.kill()


def greeting(port: int, name: str) -> Any:
    body = json.dumps({"name": name}).encode()
    answer = send(port, "POST", "/greet", body, headers={"Content-Type": "application/json"})
    return answer.body if answer.status == 200 else answer.body["error"]["code"]


def test_a_trigger_on_one_engine_runs_a_function_on_the_other(
    worker: Client, other: tuple[Process, int]
) -> None:
    eventually(lambda: greeting(other[1], "Ada"), lambda said: said == {"hello": "Ada"})
    for number in range(100):
        assert greeting(other[1], str(number)) == {"hello": str(number)}


def test_a_command_calls_a_worker_and_publishes_to_it(site: Site, worker: Client) -> None:
    heard = threading.Event()
    worker.register_function("far.hear", lambda data: heard.set())
    worker.register_trigger(trigger_type="subscribe", function_id="far.hear", config={"topic": "t"})
    eventually(lambda: site.count("trigger", "source = 'worker'"), lambda rows: rows == 1)
    said = site.shell(CALL)
    assert said.strip() == "{'hello': 'Ada'}"
    assert heard.wait(10)


def test_calls_of_many_threads_open_no_connection_each(site: Site, worker: Client) -> None:
    eventually(lambda: site.count("function", "worker_id IS NOT NULL"), bool)
    new_connections, loops = map(int, site.shell(CONNECTIONS).split())
    # A few more at the same time than the first call took, kept and used again.
    assert new_connections <= 4
    assert loops == 1


def test_a_worker_that_another_process_disconnects_comes_back(site: Site, worker: Client) -> None:
    eventually(lambda: site.count("worker"), lambda rows: rows == 1)
    before = site.shell(DISCONNECT).strip()
    eventually(lambda: site.count("worker", f"worker_id = '{before}'"), lambda rows: rows == 0)
    eventually(lambda: greeting(site.http_port, "Ada"), lambda said: said == {"hello": "Ada"})
    # It serves at once; its row is written a moment later.
    eventually(lambda: site.count("worker"), lambda rows: rows == 1)


def test_a_function_is_unavailable_when_the_engine_of_its_worker_was_killed(
    site: Site, worker: Client, other: tuple[Process, int]
) -> None:
    eventually(lambda: greeting(other[1], "Ada"), lambda said: said == {"hello": "Ada"})
    site.process.kill()
    eventually(lambda: greeting(other[1], "Ada"), lambda said: said == UNAVAILABLE)
    eventually(lambda: site.count("function", "worker_id IS NOT NULL"), lambda rows: rows == 0)
    assert greeting(other[1], "Ada") == UNAVAILABLE
