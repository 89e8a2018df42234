"""The processes that are measured: an engine on a database of its own, and a Node worker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.environments import REPOSITORY, SDKS
from tests.e2e.eventually import eventually
from tests.e2e.processes import READY_S, Process, environment, free_ports
from tests.e2e.workers import Worker

from .cells import Door
from .databases import Database, sqlite_database
from .ports import listens

NODE_SDK = next(sdk for sdk in SDKS if (sdk.registry, sdk.version) == ("npm", "0.22.1"))

BARE_SITE = "benchmarks.asgi:application"
BARE_SERVERS = {"uvicorn": ["--no-access-log"], "daphne": ["--verbosity", "0"]}
"""Options, without a log of requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine: the port of each door, and its process id for a profiler."""

    doors: dict[Door, int]
    worker_url: str
    pid: int


@contextmanager
def running_engine(
    server: str, folder: Path, *, database: Database | None = None, **variables: str
) -> Iterator[Engine]:
    """Run ``manage.py runengine`` on ``server`` and free ports, until the block ends.

    Without a database it has one on SQLite in the folder.
    """
    env = environment(
        DATABASE_URL=(database or sqlite_database(folder)).url,
        DJANGO_SETTINGS_MODULE="benchmarks.settings",
        DEBUG="false",
        SECRET_KEY="only-for-benchmarks",
        **variables,
    )
    manage = [sys.executable, "manage.py"]
    subprocess.run(
        [*manage, "migrate", "--verbosity=0"], env=env, cwd=REPOSITORY, check=True, timeout=READY_S
    )
    site, http, worker = free_ports(3)
    ports = ["--port", site, "--http-port", http, "--worker-port", worker]
    ports += ["--stream-port", 0]
    command = [*manage, "runengine", "--server", server, *map(str, ports)]
    process = Process(f"engine ({server})", command, env=env, cwd=REPOSITORY)
    try:
        process.wait_for(lambda line: line == "ready", timeout_s=READY_S, what="ready")
        yield Engine(
            doors={"site": site, "http": http},
            worker_url=f"ws://127.0.0.1:{worker}",
            pid=process.pid,
        )
    finally:
        _end(process)


@contextmanager
def running_bare_server(server: str, folder: Path) -> Iterator[int]:
    """Serve the site without an engine, as its authors would; yield the port."""
    (port,) = free_ports(1)
    env = environment(
        DATABASE_URL=sqlite_database(folder).url,
        DJANGO_SETTINGS_MODULE="benchmarks.settings",
        DEBUG="false",
        SECRET_KEY="only-for-benchmarks",
    )
    command = [sys.executable, "-m", server, *BARE_SERVERS[server], "--port", str(port)]
    process = Process(f"bare {server}", [*command, BARE_SITE], env=env, cwd=REPOSITORY)
    try:
        eventually(lambda: listens(port), bool, timeout_s=READY_S)
        yield port
    finally:
        _end(process)


@contextmanager
def running_node_worker(engine: Engine, folder: Path) -> Iterator[Worker]:
    """Connect a worker on the published Node SDK that serves ``POST /node``.

    Raise SdkUnavailable where Node or the package cannot be had.
    """
    worker = Worker(NODE_SDK, url=engine.worker_url, name="bench-node", home=folder / "node")
    try:
        worker.wait_ready()
        worker.do("register_function", function_id="bench.node", behaviour="greet")
        worker.do(
            "register_trigger",
            key="node",
            trigger_type="http",
            function_id="bench.node",
            config={"api_path": "node", "http_method": "POST"},
        )
        # Frames of one socket are handled in order: with this answer the route is live.
        worker.do("list_functions")
        yield worker
    finally:
        _end(worker)


def _end(process: Process) -> None:
    process.terminate()
    process.wait()
