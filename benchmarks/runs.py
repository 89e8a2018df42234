"""Rounds of measurements on one server, interleaved so that noise hits all cells alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.e2e.environments import REPOSITORY, SdkUnavailable

from .cells import CELLS, Aim, Cell, Door
from .engine import running_bare_server, running_engine, running_node_worker
from .load import LAST_ANSWER_S, Measurement, Order

BUSY = 32
WARM_UP_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long to measure, how often and with which cells (by key)."""

    seconds: float
    rounds: int
    keys: frozenset[str]
    say: Callable[[str], None]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of one cell, one for each round, on busy and on single connections."""

    key: str
    label: str
    aims: list[Aim] = []
    added_ms_aim: float | None = None
    busy: list[Measurement] = []
    single: list[Measurement] = []


Doors = Mapping[Door, int]
"""Their ports."""


def run(server: str, plan: Plan, folder: Path) -> list[Series]:
    """Measure every cell on ``server``; one whose worker cannot be had is left out."""
    folder.mkdir()
    with ExitStack() as stack:
        bare = stack.enter_context(running_bare_server(server, folder))
        engine = stack.enter_context(running_engine(server, folder))
        cells = [cell for cell in CELLS if cell.key in plan.keys]
        try:
            if any(cell.needs_worker for cell in cells):
                stack.enter_context(running_node_worker(engine, folder))
        except SdkUnavailable as error:
            plan.say(f"without a worker: {error}")
            cells = [cell for cell in cells if not cell.needs_worker]
        return list(_rounds({**engine.doors, "bare": bare}, _series(cells, server), plan).values())


def _series(cells: list[Cell], server: str) -> dict[Cell, Series]:
    return {
        cell: Series(
            key=cell.key,
            label=cell.label,
            aims=[aim for aim in cell.aims if aim.server == server],
            added_ms_aim=cell.added_ms_aim if server == "uvicorn" else None,
        )
        for cell in cells
    }


def _rounds(doors: Doors, series: dict[Cell, Series], plan: Plan) -> dict[Cell, Series]:
    for number in range(plan.rounds):
        plan.say(f"  round {number + 1} of {plan.rounds}")
        for cell in series:
            series[cell].busy.append(measure(doors[cell.door], cell, seconds=plan.seconds))
        for cell in series:
            port = doors[cell.door]
            single = measure(port, cell, seconds=plan.seconds, connections=1)
            series[cell].single.append(single)
    return series


def measure(port: int, cell: Cell, *, seconds: float, connections: int = BUSY) -> Measurement:
    """Load one door, from a process of its own."""
    order = Order(
        port=port,
        request=cell.request,
        connections=connections,
        warm_up_s=WARM_UP_S,
        seconds=seconds,
    )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", msgspec.json.encode(order).decode()],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
        timeout=seconds + 2 * LAST_ANSWER_S,
    )
    return msgspec.json.decode(done.stdout, type=Measurement)
