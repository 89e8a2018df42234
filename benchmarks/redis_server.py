"""A Redis of our own, which may be flushed and killed: what others keep in theirs is safe."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from tests.e2e.processes import READY_S, Process, environment, free_ports
from tests.support.services import ServiceUnavailable

HOST = "127.0.0.1"


class RedisServer:
    """A ``redis-server`` on a free port that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise ServiceUnavailable("redis-server is not installed")
        (self._port,) = free_ports(1)
        self._folder = folder
        self._command = [program, "--bind", HOST, "--port", str(self._port)]
        self._command += ["--save", "", "--appendonly", "no"]
        self._process: Process | None = None

    def url(self, number: int) -> str:
        """Return the URL of one of its databases."""
        return f"redis://{HOST}:{self._port}/{number}"

    def start(self) -> None:
        """Start it and return when it takes connections."""
        process = Process("redis", self._command, env=environment(), cwd=self._folder)
        self._process = process
        process.wait_logged("Ready to accept connections", timeout_s=READY_S)

    def kill(self) -> None:
        """Kill it; all that was in it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def flush(self) -> None:
        """Make it forget everything: queues, messages, groups."""
        with Redis(host=HOST, port=self._port) as client:
            client.flushall()


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """Run a Redis until the block ends. Raise ServiceUnavailable where it is not installed."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
