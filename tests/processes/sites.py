"""A site of its own for each module of tests: database, ports, and any process that serves it."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from tests.e2e.engines import Answer, Engine
from tests.e2e.environments import REPOSITORY
from tests.e2e.processes import READY_S, Process

from .requests import send

LOOPBACK = "127.0.0.1"


class Site(Engine):
    """The demo site with the test app; starts, beside its engine, whatever else a test needs."""

    def __init__(
        self, *, server: str, folder: Path, settings: str = "tests.processes.settings"
    ) -> None:
        super().__init__(server=server, folder=folder)
        self.folder = folder
        self.database = folder / "db.sqlite3"
        self._environment["DJANGO_SETTINGS_MODULE"] = settings
        self.others: list[Process] = []

    def configure(self, **variables: str) -> None:
        """Set environment variables of the processes that start from now on."""
        self._environment.update(variables)

    @property
    def site_url(self) -> str:
        """The worker socket on the site's own port."""
        return f"ws://{LOOPBACK}:{self.site_port}/iii/worker"

    def runengine(self, *options: object, host: str = LOOPBACK) -> Process:
        """Start ``runengine`` with just these options and return at once."""
        words = ["--server", self.server, "--host", host, *map(str, options)]
        return self.spawn("runengine", [sys.executable, "manage.py", "runengine", *words])

    def run_worker(self, *options: object, command: str = "runworker") -> Process:
        """Start ``runworker`` and return at once."""
        words = ["manage.py", command, *map(str, options)]
        return self.spawn(command, [sys.executable, *words])

    def spawn(self, name: str, command: list[str]) -> Process:
        """Start a process with the environment of the site."""
        process = Process(f"{name} ({self.server})", command, env=self._environment, cwd=REPOSITORY)
        self.others.append(process)
        return process

    def ports(self) -> list[object]:
        """Return the options that open the doors on the ports of this site."""
        doors = {"--port": self.site_port, "--http-port": self.http_port}
        doors |= {"--worker-port": self.worker_port, "--stream-port": self.stream_port}
        return [word for pair in doors.items() for word in pair]

    def ensure_started(self) -> None:
        """Start the engine unless it runs."""
        if not self.runs or not self.process.is_running:
            self.start()

    def shell(self, code: str) -> str:
        """Run Python in another process of the site and return what it printed."""
        return self.manage("shell", "--no-imports", "-c", code)

    def pages(self, path: str) -> Answer:
        """Send a GET request to the site's own port."""
        return send(self.site_port, "GET", path)

    def count(self, table: str, where: str = "1") -> int:
        """Count rows, read past all processes of ours."""
        with sqlite3.connect(self.database, timeout=20) as connection:
            query = f"SELECT COUNT(*) FROM iii_triggers_{table} WHERE {where}"
            counted: int = connection.execute(query).fetchone()[0]
        connection.close()
        return counted

    def end(self) -> None:
        """End all processes of the site."""
        for process in [*self.others, *self.runs]:
            process.kill()


def wait_ready(process: Process) -> list[str]:
    """Wait for ``ready`` and return the lines that came before it."""
    process.wait_for(lambda line: line.strip() == "ready", timeout_s=READY_S, what="ready")
    return process.heard(lambda line: True)
