"""What it costs the event loop to register a worker's trigger, with few and with many there.

By what its thread has computed, not by the clock: meanwhile rows of those before are written.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.databases import sqlite_database
from benchmarks.engine import Engine, running_engine

from .plan import Plan

ANSWER_S = 60.0
AT_ONCE = 500
FEW = 10
ROWS_S = 300.0
PAUSE_S = 0.2
ROWS = "SELECT COUNT(*) FROM iii_triggers_trigger WHERE source = 'worker'"


class Registering(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds of the loop for a trigger, in each round; and how long rows took in all."""

    few: int
    many: int
    few_us: list[float]
    many_us: list[float]
    written_s: float
    """Until the rows of all the triggers in between were there."""


class Registrar:
    """One worker that registers HTTP triggers: ``async with Registrar(engine) as registrar``."""

    def __init__(self, engine: Engine) -> None:
        self._pid = engine.pid
        self._connecting = connect(
            engine.worker_url, compression=None, proxy=None, open_timeout=ANSWER_S
        )
        self._calls = itertools.count()

    async def __aenter__(self) -> Self:
        self._socket: ClientConnection = await self._connecting
        await self._call("engine::workers::register", {"name": "registrar", "pid": 1})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._socket.close()

    async def register(self, numbers: Iterable[int]) -> float:
        """Register triggers; return the seconds that the loop computed."""
        return await self._send([_registration(number) for number in numbers])

    async def unregister(self, numbers: Iterable[int]) -> None:
        """Take triggers back."""
        await self._send([{"type": "unregistertrigger", "id": _id(n)} for n in numbers])

    async def _send(self, frames: list[dict[str, Any]]) -> float:
        texts = [json.dumps(frame) for frame in frames]
        began = loop_s(self._pid)
        for text in texts:
            await self._socket.send(text)
        # Frames of one socket are handled in order: with this answer all are.
        await self._call("engine::workers::list", {})
        return loop_s(self._pid) - began

    async def _call(self, function_id: str, data: dict[str, Any]) -> None:
        call_id = str(next(self._calls))
        call = {"type": "invokefunction", "function_id": function_id, "data": data}
        await self._socket.send(json.dumps({**call, "invocation_id": call_id}))
        async with asyncio.timeout(ANSWER_S):
            while (answer := json.loads(await self._socket.recv())).get("invocation_id") != call_id:
                if answer.get("error"):
                    raise RuntimeError(f"a trigger was refused: {answer}")


def loop_s(pid: int) -> float:
    """Return the seconds that the main thread of a process has computed; the loop runs there."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def measure_registering(plan: Plan) -> Registering:
    """Measure on uvicorn and SQLite."""
    folder = plan.folder / "registering"
    folder.mkdir(parents=True)
    with running_engine("uvicorn", folder) as engine:
        return asyncio.run(_measure(engine, plan))


async def _measure(engine: Engine, plan: Plan) -> Registering:
    async with Registrar(engine) as registrar:
        await registrar.register(range(FEW))
        few_us = await _rounds(registrar, plan, first=FEW)
        many = plan.triggers - plan.window
        began = time.perf_counter()
        for start in range(FEW, many, AT_ONCE):
            await registrar.register(range(start, min(start + AT_ONCE, many)))
        await asyncio.to_thread(_wait_for_rows, plan, many)
        written_s = time.perf_counter() - began
        many_us = await _rounds(registrar, plan, first=many)
    return Registering(
        few=FEW, many=many, few_us=few_us, many_us=many_us, written_s=round(written_s, 2)
    )


async def _rounds(registrar: Registrar, plan: Plan, *, first: int) -> list[float]:
    """Register a window of triggers and take it back, in each round."""
    window = range(first, first + plan.window)
    found = []
    for _ in range(plan.rounds):
        found.append(round(await registrar.register(window) / plan.window * 1e6, 1))
        await registrar.unregister(window)
    return found


def _wait_for_rows(plan: Plan, count: int) -> None:
    database = sqlite_database(plan.folder / "registering")
    deadline = time.monotonic() + ROWS_S
    while (found := database.query(ROWS)[0][0]) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {found} triggers have rows")
        time.sleep(PAUSE_S)


def _id(number: int) -> str:
    return f"registered-{number}"


def _registration(number: int) -> dict[str, Any]:
    return {
        "type": "registertrigger",
        "id": _id(number),
        "trigger_type": "http",
        "function_id": "bench.local",
        "config": {"api_path": f"registered/{number}/:id", "http_method": "POST"},
    }
