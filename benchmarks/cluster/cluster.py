"""A cluster: the processes of one site that find each other through PostgreSQL and Redis."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.crews import Member
from benchmarks.ports import HOST, listens
from benchmarks.sites import Site, celery
from tests.e2e.processes import free_ports

START_S = 120.0
LOOK_S = 0.2
NODES = "SELECT pid FROM iii_triggers_node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many processes of each kind; an ASGI process for each port."""

    ports: tuple[int, ...] = field(default_factory=lambda: tuple(free_ports(3)))
    celery: int = 2
    beats: int = 2


class Cluster:
    """The processes of a site, by their names; the site ends them with its block."""

    def __init__(self, site: Site, shape: Shape) -> None:
        self.site = site
        self.doors = {f"asgi {place}": port for place, port in enumerate(shape.ports, 1)}
        """The ASGI processes and the port of each."""
        self.celery = [f"celery {place + 1}" for place in range(shape.celery)]
        self.beats = [f"beat {place + 1}" for place in range(shape.beats)]

    @property
    def names(self) -> list[str]:
        """All processes."""
        return [*self.doors, *self.celery, *self.beats]

    def start(self) -> None:
        """Start all processes and return when they are ready."""
        for member in self._members():
            self.site.crew.start(member, is_awaited=False)
        for name in self.names:
            self.wait_ready(name)

    def wait_ready(self, name: str, *, timeout_s: float = START_S) -> None:
        """Return when a process does its work; raise TimeoutError if it does not get there."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready(name):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not ready\n{self.site.crew.logs()}")
            time.sleep(LOOK_S)

    def is_ready(self, name: str) -> bool:
        """Tell whether a process that was started is one of the nodes, with its port open."""
        nodes = {pid for (pid,) in self.site.database.query(NODES)}
        is_node = not nodes.isdisjoint(self.site.crew.pids(name))
        return is_node and (name not in self.doors or listens(self.doors[name], within_s=LOOK_S))

    def worker_url(self, name: str) -> str:
        """Return where workers connect to an ASGI process."""
        return f"ws://{HOST}:{self.doors[name]}/iii/worker"

    def stream_url(self, name: str) -> str:
        """Return where stream clients connect to an ASGI process."""
        return f"ws://{HOST}:{self.doors[name]}/iii/stream/"

    def _members(self) -> Iterator[Member]:
        uvicorn = [sys.executable, "-m", "uvicorn", "iii_project.asgi:application"]
        uvicorn += ["--host", HOST, "--no-access-log", "--log-level", "warning"]
        for name, port in self.doors.items():
            yield Member(name=name, command=[*uvicorn, "--port", str(port)])
        for name in self.celery:
            words = ("worker", "--pool", "threads", "--concurrency", "8")
            yield celery(*words, "--hostname", f"{name.replace(' ', '')}@%h", name=name)
        for name in self.beats:
            yield celery("beat", name=name)
