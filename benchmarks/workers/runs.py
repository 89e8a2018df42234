"""Two engines side by side: one with few workers, one with many; called in turns."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.engine import Engine, running_engine
from tests.e2e.environments import REPOSITORY
from tests.e2e.processes import Process, environment

from .caller import Caller
from .memory import steady_kb
from .plan import Plan
from .report import WorkersReport
from .swarm import Swarm, function_id

REGISTERED_S = 120.0
PAUSE_S = 0.05
WARM_UP_CALLS = 200


def measure_workers(server: str, plan: Plan) -> WorkersReport:
    """Measure on one server."""
    with ExitStack() as stack:
        few = _engine(stack, server, plan.folder / "few")
        many = _engine(stack, server, plan.folder / "many")
        _start(stack, few, plan, count=plan.few, processes=1)
        before_kb = steady_kb(many.pid, settling_s=plan.settling_s)
        registered_s = _fill(stack, many, plan)
        after_kb = steady_kb(many.pid, settling_s=plan.settling_s)
        rounds = asyncio.run(_call_in_turns(few, many, plan))
    return WorkersReport(
        workers=plan.many,
        few=plan.few,
        functions=plan.functions,
        registered_s=round(registered_s, 2),
        before_kb=before_kb,
        after_kb=after_kb,
        few_ms=[round(median(one) * 1000, 4) for one, _ in rounds],
        many_ms=[round(median(other) * 1000, 4) for _, other in rounds],
    )


def _engine(stack: ExitStack, server: str, folder: Path) -> Engine:
    folder.mkdir(parents=True)
    return stack.enter_context(running_engine(server, folder))


def _fill(stack: ExitStack, engine: Engine, plan: Plan) -> float:
    """Connect the many; return the seconds until each function answers and has its row."""
    started = time.monotonic()
    _start(stack, engine, plan, count=plan.many, processes=plan.processes)
    failed = asyncio.run(_call_every_function(engine, plan))
    if failed:
        raise RuntimeError(f"{failed} functions could not be called")
    _wait_for_rows(plan.folder / "many" / "db.sqlite3", plan.many * plan.functions)
    return time.monotonic() - started


def _start(stack: ExitStack, engine: Engine, plan: Plan, *, count: int, processes: int) -> None:
    share = count // processes
    swarms = [
        stack.enter_context(
            _swarm(
                Swarm(
                    url=engine.worker_url,
                    first=number * share,
                    count=share,
                    functions=plan.functions,
                )
            )
        )
        for number in range(processes)
    ]
    for swarm in swarms:
        swarm.wait_for(lambda line: line == "registered", timeout_s=REGISTERED_S, what="registered")


@contextmanager
def _swarm(swarm: Swarm) -> Iterator[Process]:
    order = msgspec.json.encode(swarm).decode()
    command = [sys.executable, "-m", "benchmarks.workers.swarm", order]
    process = Process("swarm", command, env=environment(), cwd=REPOSITORY)
    try:
        yield process
    finally:
        process.kill()


async def _call_every_function(engine: Engine, plan: Plan) -> int:
    ids = [function_id(w, f) for w in range(plan.many) for f in range(plan.functions)]
    async with Caller(engine.worker_url) as caller:
        return await caller.call_all(ids)


def _wait_for_rows(database: Path, count: int) -> None:
    deadline = time.monotonic() + REGISTERED_S
    while (found := _rows(database)) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {found} functions have rows")
        time.sleep(PAUSE_S)


def _rows(database: Path) -> int:
    connection = sqlite3.connect(database, timeout=20)
    try:
        query = "SELECT COUNT(*) FROM iii_triggers_function WHERE worker_id IS NOT NULL"
        counted: int = connection.execute(query).fetchone()[0]
        return counted
    finally:
        connection.close()


async def _call_in_turns(
    few: Engine, many: Engine, plan: Plan
) -> list[tuple[list[float], list[float]]]:
    """Return the latencies of each round: one call to the one engine, one to the other."""
    chance = random.Random(1)
    rounds = []
    async with Caller(few.worker_url) as to_few, Caller(many.worker_url) as to_many:
        for _ in range(WARM_UP_CALLS):
            await to_few.latency_s(_any(chance, plan.few, plan))
            await to_many.latency_s(_any(chance, plan.many, plan))
        for _ in range(plan.rounds):
            latencies: tuple[list[float], list[float]] = [], []
            for _ in range(plan.calls):
                latencies[0].append(await to_few.latency_s(_any(chance, plan.few, plan)))
                latencies[1].append(await to_many.latency_s(_any(chance, plan.many, plan)))
            rounds.append(latencies)
    return rounds


def _any(chance: random.Random, workers: int, plan: Plan) -> str:
    return function_id(chance.randrange(workers), chance.randrange(plan.functions))
