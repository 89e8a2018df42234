"""One engine under attack, from its start to the count of what is left."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.workers.memory import steady_kb
from tests.e2e.environments import REPOSITORY
from tests.e2e.processes import Process, ProcessFailed, environment
from tests.processes.sites import Site

from .attack import LAST_FRAMES_S, Attack, Toll
from .bystander import ANSWER_S, Bystander, Testimony
from .questions import ask
from .report import FuzzReport, Limits

HOST = "127.0.0.1"
SETTINGS = "benchmarks.fuzz.settings"
READY_S = 30.0
ERROR = re.compile(r"Traceback|could not be handled|ERROR|Fatal|never retrieved|never awaited")
SHOWN = 5
NOT_OURS = re.compile(
    r"^ERROR: +Invalid UTF-8 sequence received from client\.\n.*?^UnicodeDecodeError[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
"""What uvicorn says of a text frame that is no text, before it closes the connection for it."""

GONE_S = 15.0
PAUSE_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Numbers of one run. ``_s`` is seconds."""

    warm_up: int
    """Frames before the first look at the memory: code is loaded and pools are filled."""
    frames: int
    """Frames of both rounds together."""
    connections: int
    longest_s: float
    settling_s: float
    seed: int
    folder: Path
    limits: Limits
    say: Callable[[str], None]


def fuzz(server: str, plan: Plan) -> FuzzReport:
    """Attack an engine on this server and report."""
    site = Site(server=server, folder=plan.folder / server, settings=SETTINGS)
    try:
        site.start()
        return _Siege(site, plan).run()
    finally:
        site.end()


class _Siege:
    def __init__(self, site: Site, plan: Plan) -> None:
        self._site = site
        self._plan = plan
        self._pid = site.process.pid
        self._functions = self._known_functions()

    def run(self) -> FuzzReport:
        bystander = self._stand_by()
        try:
            return self._run(bystander)
        finally:
            bystander.kill()

    def _run(self, bystander: Process) -> FuzzReport:
        tolls, memory = [self._attack("warm-up", self._plan.warm_up)], [self._settled()]
        for name in ("first", "second"):
            tolls.append(self._attack(name, self._plan.frames // 2))
            memory.append(self._settled())
        testimony = _hear(bystander)
        return FuzzReport(
            server=self._site.server,
            seed=self._plan.seed,
            tolls=tolls,
            memory_kb=memory,
            testimony=testimony,
            left_behind=self._left_behind_at_last(),
            ended=not self._site.process.is_running,
            errors=self._errors(),
            limits=self._plan.limits,
        )

    def _known_functions(self) -> list[str]:
        wanted = {"include_internal": True}
        found = asyncio.run(ask(HOST, self._site.worker_port, "engine::functions::list", wanted))
        return sorted({row["function_id"] for row in found["functions"]})

    def _stand_by(self) -> Process:
        order = Bystander(worker_port=self._site.worker_port, http_port=self._site.http_port)
        process = _program("bystander", order)
        process.wait_for(lambda line: line == "ready", timeout_s=READY_S, what="ready")
        return process

    def _attack(self, name: str, frames: int) -> Toll:
        self._plan.say(f"{self._site.server}: {name}, {frames:,} frames")
        order = Attack(
            worker_port=self._site.worker_port,
            stream_port=self._site.stream_port,
            seed=f"{self._plan.seed} {name}",
            frames=frames,
            connections=self._plan.connections,
            longest_s=self._plan.longest_s,
            functions=self._functions,
        )
        process = _program("attack", order)
        try:
            longest_s = self._plan.longest_s + LAST_FRAMES_S
            line = process.wait_for(bool, timeout_s=longest_s, what="its toll")
        finally:
            process.kill()
        return msgspec.json.decode(line, type=Toll)

    def _settled(self) -> int:
        if not self._site.process.is_running:
            raise ProcessFailed(f"the engine ended\n{self._site.process.tail()}")
        return steady_kb(self._pid, settling_s=self._plan.settling_s)

    def _left_behind_at_last(self) -> dict[str, int]:
        """Give the rows the time that the engine takes to write."""
        deadline = time.monotonic() + GONE_S
        while any((left := self._left_behind()).values()) and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
        return left

    def _left_behind(self) -> dict[str, int]:
        """Count rows and live functions of strangers, now that they are all gone."""
        live = set(self._known_functions()) - set(self._functions)
        return {
            "live functions": len(live),
            "workers": self._site.count("worker"),
            "functions": self._site.count("function", "worker_id IS NOT NULL"),
            "triggers": self._site.count("trigger", "source = 'worker'"),
        }

    def _errors(self) -> list[str]:
        lines = NOT_OURS.sub("", self._site.process.tail(1_000_000)).splitlines()
        found = [at for at, line in enumerate(lines) if ERROR.search(line)]
        shown = ["\n".join(lines[at : at + 40]) for at in found[:SHOWN]]
        return [f"{len(found)} errors", *shown] if found else []


def _program(name: str, order: msgspec.Struct) -> Process:
    text = msgspec.json.encode(order).decode()
    command = [sys.executable, "-m", f"benchmarks.fuzz.{name}", text]
    return Process(name, command, env=environment(), cwd=REPOSITORY)


def _hear(bystander: Process) -> Testimony:
    """End the bystanders and return what they say."""
    bystander.hush()
    line = bystander.wait_for(bool, timeout_s=2 * ANSWER_S, what="its testimony")
    return msgspec.json.decode(line, type=Testimony)
