"""The workers of the cluster: who offers what, and over which ASGI process it is connected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.cluster.cluster import Cluster
from benchmarks.crews import Member
from benchmarks.engine import NODE_SDK
from benchmarks.soak.subscribers import NODE, PYTHON
from tests.e2e.environments import SDKS, Sdk

from .words import NEWS

PYTHON_SDK = next(sdk for sdk in SDKS if (sdk.registry, sdk.version) == ("pypi", "0.25.0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetWorker:
    """A worker process; each of its functions answers HTTP under its own path."""

    name: str
    door: str
    """The ASGI process it connects to."""
    functions: tuple[str, ...]
    sdk: Sdk

    @property
    def subscriber(self) -> str:
        """The function that hears what is published."""
        return f"heard.{self.name}"


FLEET = (
    FleetWorker(name="node 1", door="asgi 1", functions=("kill.node",), sdk=NODE_SDK),
    FleetWorker(name="node 2", door="asgi 2", functions=("kill.node",), sdk=NODE_SDK),
    FleetWorker(
        name="python 1", door="asgi 2", functions=("kill.python", "kill.single"), sdk=PYTHON_SDK
    ),
    FleetWorker(name="python 2", door="asgi 3", functions=("kill.python",), sdk=PYTHON_SDK),
)

SOAK_DOOR = "asgi 3"
"""Where the workers connect that take messages from the queue."""
SOAKED = (PYTHON, NODE)
"""Their functions."""


def workers_of(function_id: str) -> list[FleetWorker]:
    """Return who offers a function; none is the site itself."""
    return [worker for worker in FLEET if function_id in worker.functions]


def start_fleet(cluster: Cluster) -> None:
    """Start all workers; raise SdkUnavailable where Node or a package cannot be had."""
    for worker in FLEET:
        cluster.site.crew.start(_member(worker, cluster.worker_url(worker.door), cluster))


def _member(worker: FleetWorker, url: str, cluster: Cluster) -> Member:
    words = [url, str(cluster.site.folder), worker.name, NEWS, *worker.functions]
    program = worker.sdk.command()[0]
    if worker.sdk is PYTHON_SDK:
        return Member(name=worker.name, command=[program, "-m", "benchmarks.kill.worker", *words])
    # Beside node_modules: that is where Node looks for what a program imports.
    script = worker.sdk.home / "kill_worker.mjs"
    script.write_bytes(Path(__file__).with_name("worker.mjs").read_bytes())
    return Member(name=worker.name, command=[program, str(script), *words])
