"""Real processes under test: started here, watched line by line, ended by their id.

Nothing here sleeps: a wait is for a line on stdout or for the end of a process, with a deadline.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

READY_S = 40.0
STOP_S = 20.0
MAX_LINES = 100_000


class ProcessFailed(AssertionError):
    """A process ended or stayed silent when something was expected of it."""


class Process:
    """One running program: its stdout as lines to wait for, all it wrote as a log.

    ``on_line`` gets each line that it writes, in a thread of its own. The oldest of very many lines
    are forgotten.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self._on_line = on_line
        self._log: deque[str] = deque(maxlen=MAX_LINES)
        self._heard: deque[str] = deque(maxlen=MAX_LINES)
        self._changed = threading.Condition()
        self._silent_streams = 0
        pipe = subprocess.PIPE
        self._popen = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, keep), daemon=True)
            for stream, keep in ((self._popen.stdout, True), (self._popen.stderr, False))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._popen.poll() is None

    def say(self, line: str) -> None:
        """Write a line to the program's stdin."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    def hush(self) -> None:
        """End the program's stdin: nothing more will be said to it."""
        assert self._popen.stdin is not None
        self._popen.stdin.close()

    def wait_logged(self, text: str, *, timeout_s: float) -> None:
        """Return once the program has written ``text``, to stdout or stderr."""
        with self._changed:
            found = self._changed.wait_for(lambda: any(text in one for one in self._log), timeout_s)
        if not found:
            raise ProcessFailed(f"{self.name} did not log {text!r}\n{self.tail()}")

    def wait_for(self, wanted: Callable[[str], bool], *, timeout_s: float, what: str) -> str:
        """Take the first line of stdout that is ``wanted``; a line is taken once."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._first(wanted) or self._silent_streams == 2, timeout_s
            )
            line = self._first(wanted)
            if line is None:
                raise ProcessFailed(f"{self.name} did not say {what}\n{self.tail()}")
            self._heard.remove(line)
            return line

    def heard(self, wanted: Callable[[str], bool]) -> list[str]:
        """Return the lines of stdout so far that are ``wanted`` and were not taken."""
        with self._changed:
            return [line for line in self._heard if wanted(line)]

    def kill(self) -> None:
        """End the process at once (SIGKILL) and wait until it is gone."""
        self._popen.kill()
        self.wait()

    def terminate(self) -> None:
        """Ask the process to end (SIGTERM)."""
        self._popen.terminate()

    def wait(self) -> int:
        """Wait until the process has ended and return its exit code.

        Raise ProcessFailed, having killed it, if it does not end in time.
        """
        try:
            code = self._popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            raise ProcessFailed(f"{self.name} did not end\n{self.tail()}") from None
        for reader in self._readers:
            reader.join(STOP_S)
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()
        return code

    def tail(self, lines: int = 80) -> str:
        """Return the last lines the process wrote."""
        return "\n".join([f"--- {self.name} (pid {self.pid})", *list(self._log)[-lines:]])

    def _first(self, wanted: Callable[[str], bool]) -> str | None:
        return next((line for line in self._heard if wanted(line)), None)

    def _read(self, stream: IO[str], keep: bool) -> None:
        for line in stream:
            if self._on_line is not None:
                self._on_line(line.rstrip("\n"))
            with self._changed:
                self._log.append(line.rstrip("\n"))
                if keep:
                    self._heard.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._silent_streams += 1
            self._changed.notify_all()


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without what would steer Django or an SDK, changed."""
    prefixes = ("III_", "OTEL_", "DJANGO_", "DATABASE_", "REDIS_", "CELERY_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(prefixes)}
    return {**kept, "PYTHONUNBUFFERED": "1", **changes}


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
