"""Workers without an SDK, many in one process: they register like SDKs do and answer every call.

``python -m benchmarks.workers.swarm '<Swarm as JSON>'`` prints ``registered`` when the engine has
answered to all of them, and answers calls until its standard input ends. Loopback only.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect

AT_ONCE = 32
"""How many connect at the same time."""

CONNECT_S = 30.0


class Swarm(msgspec.Struct, frozen=True, kw_only=True):
    """Which workers: ``count`` from number ``first`` on, with ``functions`` functions each."""

    url: str
    first: int
    count: int
    functions: int


def function_id(worker: int, function: int) -> str:
    """Return the id of one function of one worker."""
    return f"swarm.{worker}.{function}"


def frames_of(number: int, functions: int) -> Iterator[str]:
    """Yield what a worker says first: functions, then who it is, as SDKs do."""
    for function in range(functions):
        yield json.dumps({"type": "registerfunction", "id": function_id(number, function)})
    facts = {"name": f"swarm-{number}", "pid": os.getpid(), "runtime": "python", "version": "1.0.0"}
    yield json.dumps(
        {
            "type": "invokefunction",
            "function_id": "engine::workers::register",
            "invocation_id": "register",
            "data": facts,
        }
    )


async def register(socket: ClientConnection, number: int, functions: int) -> None:
    """Register a worker; return when the engine knows who it is."""
    for frame in frames_of(number, functions):
        await socket.send(frame)
    while json.loads(await socket.recv()).get("invocation_id") != "register":
        pass


async def answer(socket: ClientConnection) -> None:
    """Answer every call with its number, until the connection ends."""
    async for frame in socket:
        message: dict[str, Any] = json.loads(frame)
        if message["type"] == "invokefunction":
            result = {"type": "invocationresult", "invocation_id": message["invocation_id"]}
            await socket.send(json.dumps({**result, "result": {"ok": True}}))


async def run(swarm: Swarm) -> None:
    """Connect the workers, say so, and answer until nobody needs them."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def start(number: int) -> asyncio.Task[None]:
        async with slots:
            socket = await connect(
                swarm.url, compression=None, proxy=None, ping_interval=None, open_timeout=CONNECT_S
            )
            await register(socket, number, swarm.functions)
        return asyncio.create_task(answer(socket))

    numbers = range(swarm.first, swarm.first + swarm.count)
    answering = await asyncio.gather(*map(start, numbers))
    gc.collect()
    gc.freeze()
    print("registered", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in answering:
        task.cancel()


def main() -> None:
    """Carry out the order in the first argument."""
    uvloop.run(run(msgspec.json.decode(sys.argv[1], type=Swarm)))


if __name__ == "__main__":
    main()
