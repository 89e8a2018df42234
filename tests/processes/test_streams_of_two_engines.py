"""Two engines on one PostgreSQL and one Redis: clients of each hear what happens on the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.databases import postgres_database
from iii_triggers.sdk import Client, init
from tests.e2e.eventually import eventually
from tests.e2e.processes import free_ports
from tests.e2e.stream_clients import StreamClient
from tests.support.redis_databases import redis_database
from tests.support.services import postgres_url

from .sites import LOOPBACK, Site, wait_ready

pytestmark = pytest.mark.slow

ITEM = {"stream_name": "todos", "group_id": "g", "item_id": "a"}


@dataclass(frozen=True, slots=True)
class Node:
    """The doors of one engine."""

    stream_url: str
    worker_url: str


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def nodes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Node]]:
    """Two engines that know of each other."""
    postgres_url()
    folder = tmp_path_factory.mktemp(f"streams-{request.param}") / "state"
    site = Site(server=request.param, folder=folder, settings="tests.processes.redis_settings")
    with postgres_database("streams") as database, redis_database() as redis:
        site.configure(DATABASE_URL=database.url, TEST_REDIS_URL=redis)
        site.manage("migrate", "--verbosity=0")
        try:
            yield [_start(site), _start(site)]
        finally:
            site.end()


def _start(site: Site) -> Node:
    ports = dict(zip(("--port", "--worker-port", "--stream-port"), free_ports(3), strict=True))
    wait_ready(site.runengine("--http-port", 0, *(word for pair in ports.items() for word in pair)))
    urls = [f"ws://{LOOPBACK}:{ports[name]}" for name in ("--stream-port", "--worker-port")]
    return Node(*urls)


@pytest.fixture
def here(nodes: list[Node]) -> Iterator[Client]:
    """A worker of the first engine."""
    with init(nodes[0].worker_url) as client:
        yield client


@pytest.fixture
def there(nodes: list[Node]) -> Iterator[Client]:
    """A worker of the second engine."""
    with init(nodes[1].worker_url) as client:
        yield client


def test_clients_of_both_nodes_hear_everything_in_order(nodes: list[Node], here: Client) -> None:
    with StreamClient(nodes[0].stream_url) as near, StreamClient(nodes[1].stream_url) as far:
        near.joined("todos"), far.joined("todos")
        for number in range(200):
            here.call("stream::set", {**ITEM, "data": number})
        for client in (near, far):
            events = [client.event() for _ in range(200)]
            assert [event["data"] for event in events] == list(range(200))
            assert [event["type"] for event in events] == ["create"] + ["update"] * 199
        here.call("stream::delete", ITEM)
        assert near.event() == far.event() == {"type": "delete", "data": 199}


def test_a_client_of_one_node_reads_what_was_written_on_the_other(
    nodes: list[Node], here: Client
) -> None:
    here.call("stream::set", {**ITEM, "group_id": "read", "data": {"n": 1}})
    with StreamClient(nodes[1].stream_url) as client:
        assert client.joined("todos", "read") == [{"n": 1}]


def test_triggers_and_listeners_of_the_other_node_run_once(
    nodes: list[Node], here: Client, there: Client
) -> None:
    events: list[Any] = []
    joins: list[Any] = []
    there.register_function("there.event", events.append)
    there.register_function("there.guard", lambda data: joins.append(data) or _judge(data))
    config = {"stream_name": "todos", "group_id": "fired"}
    there.register_trigger(trigger_type="stream", function_id="there.event", config=config)
    there.register_trigger(trigger_type="stream:join", function_id="there.guard", config={})

    def refused() -> bool:
        with StreamClient(nodes[0].stream_url) as client:
            client.join("todos", "secret")
            return bool(client.event()["type"] == "unauthorized")

    # The other node learns of it when it is written.
    eventually(refused, lambda was: was)
    joins.clear()
    with StreamClient(nodes[0].stream_url) as client:
        client.joined("todos", "fired")
        for number in range(20):
            here.call("stream::send", {**config, "type": "x", "data": number})
        numbers = eventually(lambda: list(events), lambda found: len(found) == 20)
    assert [event["event"]["event"]["data"] for event in numbers] == list(range(20))
    assert len(joins) == 1


def _judge(data: Any) -> dict[str, bool]:
    return {"unauthorized": data["group_id"] == "secret"}
