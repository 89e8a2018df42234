"""The engine under test: one ``manage.py runengine`` process on ports and a database of its own."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .environments import REPOSITORY
from .processes import READY_S, Process, environment, free_ports

ANSWER_S = 30.0
_migrated: dict[str, bytes] = {}
"""The empty database by settings: migrations take seconds, a copy of the file does not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response: status, headers by lower-case name, body as JSON where it is JSON."""

    status: int
    headers: dict[str, str]
    body: Any


class Engine:
    """An engine that can be ended and started again; it keeps its ports and its database."""

    def __init__(
        self,
        *,
        server: str,
        folder: Path,
        settings: str = "iii_project.settings",
        **variables: str,
    ) -> None:
        folder.mkdir(parents=True)
        self.server = server
        self.site_port, self.http_port, self.worker_port, self.stream_port = free_ports(4)
        self.worker_url = f"ws://127.0.0.1:{self.worker_port}"
        self.stream_url = f"ws://127.0.0.1:{self.stream_port}"
        self.runs: list[Process] = []
        self._environment = environment(
            DATABASE_URL=f"sqlite:///{folder / 'db.sqlite3'}",
            DJANGO_SETTINGS_MODULE=settings,
            PYTHONFAULTHANDLER="1",
            **variables,
        )
        self._migrate(folder / "db.sqlite3", settings)

    @property
    def process(self) -> Process:
        """The process of the latest start."""
        return self.runs[-1]

    def start(self) -> None:
        """Start the process and return when it is ready."""
        ports = {"--port": self.site_port, "--http-port": self.http_port}
        ports |= {"--worker-port": self.worker_port, "--stream-port": self.stream_port}
        options = [str(word) for pair in ports.items() for word in pair]
        command = [sys.executable, "manage.py", "runengine", "--host", "127.0.0.1", *options]
        command += ["--server", self.server]
        self.runs.append(
            Process(f"engine ({self.server})", command, env=self._environment, cwd=REPOSITORY)
        )
        self.process.wait_for(lambda line: line.strip() == "ready", timeout_s=READY_S, what="ready")

    def manage(self, *words: str) -> str:
        """Run another manage.py command on the engine's database and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            env=self._environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=READY_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_triggers(self, functions: Mapping[str, str]) -> None:
        """Create an ``http`` trigger for each path, to the function it maps to.

        That is done the way the admin does it: rows saved by another process.
        """
        rows = [
            {"trigger_id": path, "function_id": function_id, "config": _posted_to(path)}
            for path, function_id in functions.items()
        ]
        self.manage(
            "shell",
            "--no-imports",
            "-c",
            "from iii_triggers.models import Trigger\n"
            f"for row in {rows!r}:\n"
            "    Trigger.objects.create(trigger_type='http', source='admin', **row)",
        )

    def request(
        self, method: str, path: str, body: Any = None, *, timeout_s: float = ANSWER_S
    ) -> Answer:
        """Send a request to the door for HTTP triggers; a body goes as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout_s)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, headers)
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def _migrate(self, database: Path, settings: str) -> None:
        """Make the tables, with ``migrate`` the first time that they are asked for."""
        if settings in _migrated:
            database.write_bytes(_migrated[settings])
            return
        self.manage("migrate", "--verbosity=0")
        assert not database.with_name(f"{database.name}-wal").exists(), "not all is in the file"
        _migrated[settings] = database.read_bytes()


def _posted_to(path: str) -> dict[str, str]:
    return {"api_path": path, "http_method": "POST"}


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    content = response.read()
    is_json = headers.get("content-type", "").startswith("application/json")
    body = json.loads(content) if is_json and content else content.decode()
    return Answer(response.status, headers, body)
