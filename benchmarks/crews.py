"""The processes of a site under soak: killed and started again by name, all ended at the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.e2e.environments import REPOSITORY
from tests.e2e.processes import READY_S, Process, ProcessFailed

OnLine = Callable[[str, str], None]
"""Takes the name of a process and a line that it wrote."""

LEASH = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()
"""Ends a process when the thread that started it does, even if that is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A process of the crew; ``ready`` is what it logs when it is."""

    name: str
    command: Sequence[str]
    ready: str = ""


class Crew:
    """Starts processes in one environment, and ends what it started.

    ``on_line`` takes what they write; each process has a thread that calls it.
    """

    def __init__(self, environment: Mapping[str, str], *, on_line: OnLine | None = None) -> None:
        self._environment = environment
        self._on_line = on_line
        self._members: dict[str, Member] = {}
        self._running: dict[str, Process] = {}

    def start(self, member: Member, *, is_awaited: bool = True) -> Process:
        """Start a process; return when it is ready, or at once if that is not awaited."""
        process = Process(
            member.name,
            [*LEASH, *member.command],
            env=self._environment,
            cwd=REPOSITORY,
            on_line=partial(self._on_line, member.name) if self._on_line else None,
        )
        self._members[member.name], self._running[member.name] = member, process
        if is_awaited and member.ready:
            process.wait_logged(member.ready, timeout_s=READY_S)
        return process

    def kill(self, name: str) -> None:
        """Kill a process (SIGKILL) together with its children, as the end of a container does."""
        process = self._running.pop(name)
        family = children_of(process.pid)
        _kill(process.pid)
        for child in family:
            _kill(child)
        process.wait()

    def restart(self, name: str, *, is_awaited: bool = False) -> None:
        """Start what was killed."""
        self.start(self._members[name], is_awaited=is_awaited)

    def pids(self, name: str) -> set[int]:
        """Return the ids of a process that runs and of its children."""
        pid = self._running[name].pid
        return {pid, *children_of(pid)}

    def ended(self) -> list[Process]:
        """Return those that ended by themselves, each once."""
        over = [name for name, process in self._running.items() if not process.is_running]
        return [self._running.pop(name) for name in over]

    def kill_child(self, name: str, chance: random.Random) -> None:
        """Kill one child of a process, as the system does when memory is short."""
        family = children_of(self._running[name].pid)
        if family:
            _kill(chance.choice(family))

    def logs(self) -> str:
        """Return the last lines of every process that runs."""
        return "\n".join(process.tail(40) for process in self._running.values())

    def stop(self) -> None:
        """Ask all that runs to end, and wait until it has; what does not in time is killed."""
        for process in self._running.values():
            process.terminate()
        for name in list(self._running):
            with suppress(ProcessFailed):
                self._running.pop(name).wait()

    def end(self) -> None:
        """Kill all that still runs."""
        for name in list(self._running):
            with suppress(ProcessFailed):
                self.kill(name)


def children_of(pid: int) -> list[int]:
    """Return the children of a process and theirs; none where the system does not tell."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        own = [int(word) for word in path.read_text().split()]
    except OSError:
        return []
    return own + [grandchild for child in own for grandchild in children_of(child)]


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
