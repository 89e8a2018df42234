"""What a full process weighs, and what minutes of load add to a process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

import msgspec

from benchmarks.cells import CELLS, Cell
from benchmarks.databases import sqlite_database
from benchmarks.engine import running_engine, running_node_worker
from benchmarks.load import LAST_ANSWER_S, Order
from benchmarks.runs import BUSY
from benchmarks.sites import Site
from benchmarks.workers.memory import rss_kb, steady_kb
from benchmarks.workers.swarm import Swarm
from tests.e2e.environments import REPOSITORY, SdkUnavailable
from tests.e2e.processes import Process, environment

from .plan import Plan

REGISTERED_S = 180.0
SAMPLE_S = 0.5
A_MINUTE = 120
"""Samples."""
SHARE = 10
"""A tenth of the samples at either end is compared."""
PATHS = (b"POST /node ", b"POST /local ")


class Weight(msgspec.Struct, frozen=True, kw_only=True):
    """Resident memory of one process: with nothing, and with triggers and workers."""

    empty_kb: int
    full_kb: int


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """Resident memory under load, after the warm-up: medians of the first and last samples."""

    load_s: float
    first_kb: int
    last_kb: int
    minutes_kb: list[int] = []
    """The median of each minute."""
    answered: int
    with_node: bool

    @property
    def share(self) -> float:
        """How much it grew, as a share."""
        return self.last_kb / self.first_kb - 1


def weigh(plan: Plan) -> Weight:
    """Weigh an engine on uvicorn without anything, then another with all."""
    return Weight(empty_kb=_weigh(plan, "empty", 0, 0), full_kb=_weigh_full(plan))


def _weigh_full(plan: Plan) -> int:
    return _weigh(plan, "full", plan.triggers, plan.workers)


def _weigh(plan: Plan, name: str, triggers: int, workers: int) -> int:
    folder = plan.folder / name
    folder.mkdir(parents=True)
    database = sqlite_database(folder)
    with Site(settings="benchmarks.settings", folder=folder, database=database) as site:
        site.run("-m", "benchmarks.growth.fill", str(triggers), timeout_s=120)
    with ExitStack() as stack:
        engine = stack.enter_context(running_engine("uvicorn", folder))
        share = workers // plan.processes
        for number in range(plan.processes if workers else 0):
            swarm = Swarm(
                url=engine.worker_url, first=number * share, count=share, functions=plan.functions
            )
            stack.enter_context(_swarm(swarm))
        weight_kb = steady_kb(engine.pid, settling_s=plan.settling_s)
        plan.say(f"    {name}: {weight_kb / 1024:.0f} MB")
    return weight_kb


@contextmanager
def _swarm(swarm: Swarm) -> Iterator[None]:
    order = msgspec.json.encode(swarm).decode()
    command = [sys.executable, "-m", "benchmarks.workers.swarm", order]
    process = Process("swarm", command, env=environment(), cwd=REPOSITORY)
    try:
        process.wait_for(
            lambda line: line == "registered", timeout_s=REGISTERED_S, what="registered"
        )
        yield
    finally:
        process.kill()


def watch_growth(plan: Plan) -> Growth:
    """Load a Node worker and an async function at the same time, with the history on."""
    folder = plan.folder / "growth"
    folder.mkdir(parents=True)
    cells = [cell for cell in CELLS if cell.request.startswith(PATHS) and cell.door == "http"]
    with ExitStack() as stack:
        engine = stack.enter_context(running_engine("uvicorn", folder))
        try:
            stack.enter_context(running_node_worker(engine, folder))
        except SdkUnavailable as error:
            plan.say(f"without a worker: {error}")
            cells = [cell for cell in cells if not cell.needs_worker]
        loads = [_load(engine.doors["http"], cell, plan) for cell in cells]
        samples = _samples(engine.pid, plan)
        answered = sum(_answered(load, plan) for load in loads)
    few = max(len(samples) // SHARE, 1)
    return Growth(
        load_s=plan.load_s,
        first_kb=round(median(samples[:few])),
        last_kb=round(median(samples[-few:])),
        minutes_kb=[
            round(median(samples[start : start + A_MINUTE]))
            for start in range(0, len(samples), A_MINUTE)
        ],
        answered=answered,
        with_node=any(cell.needs_worker for cell in cells),
    )


def _load(port: int, cell: Cell, plan: Plan) -> subprocess.Popen[str]:
    order = Order(
        port=port,
        request=cell.request,
        connections=BUSY // 2,
        warm_up_s=plan.warm_up_s,
        seconds=plan.load_s,
    )
    command = [sys.executable, "-m", "benchmarks.load", msgspec.json.encode(order).decode()]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def _samples(pid: int, plan: Plan) -> list[int]:
    """Return what the process weighs from the end of the warm-up on."""
    time.sleep(plan.warm_up_s)
    samples = []
    deadline = time.monotonic() + plan.load_s
    while time.monotonic() < deadline:
        samples.append(rss_kb(pid))
        time.sleep(SAMPLE_S)
    return samples


def _answered(load: subprocess.Popen[str], plan: Plan) -> int:
    output, _ = load.communicate(timeout=plan.warm_up_s + plan.load_s + 2 * LAST_ANSWER_S)
    statuses: dict[str, int] = msgspec.json.decode(output)["statuses"]
    if set(statuses) != {"200"}:
        raise RuntimeError(f"the load was answered with {statuses}")
    return statuses["200"]
