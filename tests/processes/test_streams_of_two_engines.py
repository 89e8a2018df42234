"""Two engines on one PostgreSQL and one Redis: clients of each hear what happens on the other."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import redis as redis_client

from benchmarks.databases import postgres_database
from iii_triggers.sdk import Client, init
from tests.e2e.environments import REPOSITORY
from tests.e2e.eventually import eventually
from tests.e2e.processes import Process, free_ports
from tests.e2e.stream_clients import StreamClient
from tests.support.redis_databases import redis_database
from tests.support.services import postgres_url

from .cables import Cable
from .sites import LOOPBACK, Site, wait_ready

pytestmark = pytest.mark.slow

ITEM = {"stream_name": "todos", "group_id": "g", "item_id": "a"}
WRITES = 40
"""How often each of two writers writes, as fast as it can."""
READ_S = 100.0
DOCUMENTED = re.compile(r"^```js\n(?P<code>function follow.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Node:
    """The doors of one engine."""

    stream_url: str
    worker_url: str
    redis_url: str


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
            yield [_start(site, redis), _start(site, redis)]
        finally:
            site.end()


def _start(site: Site, redis: str) -> Node:
    ports = dict(zip(("--port", "--worker-port", "--stream-port"), free_ports(3), strict=True))
    wait_ready(site.runengine("--http-port", 0, *(word for pair in ports.items() for word in pair)))
    urls = [f"ws://{LOOPBACK}:{ports[name]}" for name in ("--stream-port", "--worker-port")]
    return Node(*urls, redis)


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


def write(worker: Client, group: str, item_id: str) -> None:
    """Write one item as fast as its writer can."""
    item = {"stream_name": "todos", "group_id": group, "item_id": item_id}
    for number in range(1, WRITES + 1):
        worker.call("stream::set", {**item, "data": {item_id: number}})


def read_until(client: StreamClient, is_last: Callable[[Any], bool]) -> list[Any]:
    """Return the frames up to one; their numbers have no gap but before a sync."""
    frames = [client.frame()]
    while not is_last(frames[-1]):
        frames.append(client.frame())
    for before, after in pairwise(frames):
        is_sync = after["event"]["type"] == "sync"
        assert after["seq"] == before["seq"] + 1 or (is_sync and after["seq"] > before["seq"])
    return frames


def state_of(frames: list[Any]) -> dict[str, int]:
    """Return the items as a client has them that follows a sync and the events after it."""
    state: dict[str, int] = {}
    for frame in frames:
        data = frame["event"]["data"]
        values = data if isinstance(data, list) else [data]
        state = {} if isinstance(data, list) else state
        for value in values:
            state |= value
    return state


def has_seq(seq: int) -> Callable[[Any], bool]:
    return lambda frame: bool(frame["seq"] == seq)


def test_two_writers_on_two_nodes_are_heard_in_one_order_on_both(
    nodes: list[Node], here: Client, there: Client
) -> None:
    """Clients that are there from the start, and some that join while both write."""
    with ThreadPoolExecutor(8) as pool:
        clients = [StreamClient(node.stream_url) for node in nodes * 3]
        for client in clients[:2]:
            assert client.joined("todos", "fast") == []
        reads = [pool.submit(read_until, client, has_seq(2 * WRITES)) for client in clients[:2]]
        writers = [
            pool.submit(write, worker, "fast", item_id)
            for worker, item_id in ((here, "a"), (there, "b"))
        ]
        for client in clients[2:]:
            client.join("todos", "fast")
            reads.append(pool.submit(read_until, client, has_seq(2 * WRITES)))
        heard = [read.result(READ_S) for read in reads]
        assert [writer.result(READ_S) for writer in writers] == [None, None]
        for client in clients:
            client.socket.close()
    everything = heard[0]
    assert [frame["seq"] for frame in everything] == list(range(1, 2 * WRITES + 1))
    assert heard[1] == everything
    for sync, *frames in heard[2:]:
        assert sync["event"]["type"] == "sync"
        assert frames == everything[sync["seq"] :]
        assert state_of([sync, *frames]) == {"a": WRITES, "b": WRITES}


def test_what_redis_loses_is_made_up_for(nodes: list[Node], here: Client, there: Client) -> None:
    with (
        redis_client.Redis.from_url(nodes[0].redis_url) as redis,
        StreamClient(nodes[0].stream_url) as near,
        StreamClient(nodes[1].stream_url) as far,
        ThreadPoolExecutor(4) as pool,
    ):
        near.joined("todos", "lossy"), far.joined("todos", "lossy")
        end = has_seq(2 * WRITES)
        reads = [pool.submit(read_until, client, end) for client in (near, far)]
        writers = [
            pool.submit(write, worker, "lossy", item_id)
            for worker, item_id in ((here, "a"), (there, "b"))
        ]
        while not all(writer.done() for writer in writers):
            redis.flushdb()
        assert [writer.result() for writer in writers] == [None, None]
        for read in reads:
            frames = read.result(READ_S)
            assert state_of(frames) | {"a": WRITES, "b": WRITES} == state_of(frames)


def test_a_client_goes_on_where_it_ended_on_either_node(nodes: list[Node], here: Client) -> None:
    group = {"stream_name": "todos", "group_id": "resumed"}
    with StreamClient(nodes[0].stream_url) as client:
        client.joined("todos", "resumed")
    for number in range(1, 4):
        here.call("stream::set", {**group, "item_id": "a", "data": {"a": number}})
    for node in nodes:
        with StreamClient(node.stream_url) as client:
            client.join("todos", "resumed", since=1)
            frames = read_until(client, has_seq(3))
        assert [(frame["seq"], frame["event"]["data"]) for frame in frames] == [
            (2, {"a": 2}),
            (3, {"a": 3}),
        ]


def test_the_client_of_the_documentation_comes_back_and_goes_on(
    nodes: list[Node], here: Client
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not there.")
    port = int(nodes[0].stream_url.rpartition(":")[2])
    group = {"stream_name": "user-events", "group_id": "all"}
    with Cable(LOOPBACK, port) as cable:
        command = [node, "--experimental-websocket", "-e", page(cable.port)]
        process = Process("page", command, env={}, cwd=REPOSITORY)
        try:
            heard = partial(told, process)
            eventually(heard, lambda frames: len(frames) == 1)
            for number in range(1, 4):
                cable.cut()
                here.call("stream::set", {**group, "item_id": "a", "data": {"a": number}})
            frames = eventually(heard, lambda frames: len(frames) == 4)
        finally:
            process.kill()
    assert [frame["seq"] for frame in frames] == [0, 1, 2, 3]
    assert [frame["event"]["type"] for frame in frames] == ["sync", "create", "update", "update"]


def page(port: int) -> str:
    """Return the client that the documentation shows, for another port."""
    found = DOCUMENTED.search((REPOSITORY / "docs" / "streams.md").read_text())
    assert found is not None
    code = found["code"].replace("127.0.0.1:3112", f"{LOOPBACK}:{port}").replace("1000", "50")
    return code.replace("console.log)", "(frame) => console.log(JSON.stringify(frame)))")


def told(process: Process) -> list[Any]:
    """Return what the page has printed."""
    return [json.loads(line) for line in process.heard(lambda line: line.startswith("{"))]
