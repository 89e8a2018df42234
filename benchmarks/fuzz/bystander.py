"""Two workers that do nothing wrong, a process of their own: one calls the other all the time.

``python -m benchmarks.fuzz.bystander '<Bystander as JSON>'`` prints ``ready``, calls until its
standard input ends, and prints a Testimony as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from time import perf_counter
from typing import Any

import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect

PAUSE_S = 0.02
ANSWER_S = 30.0
HOST = "127.0.0.1"


class Bystander(msgspec.Struct, frozen=True, kw_only=True):
    """Which doors to use."""

    worker_port: int
    http_port: int


class Testimony(msgspec.Struct, frozen=True, kw_only=True):
    """What calls (from worker to worker) and requests (HTTP trigger to worker) were like."""

    calls: int
    wrong: list[str]
    p50_ms: float
    p99_ms: float
    longest_ms: float


async def open_socket(port: int) -> ClientConnection:
    """Return a connection to the engine, greeted."""
    socket = await connect(
        f"ws://{HOST}:{port}", compression=None, proxy=None, open_timeout=ANSWER_S
    )
    await socket.recv()
    return socket


async def offer(socket: ClientConnection, function_id: str) -> None:
    """Offer a function with an HTTP trigger of the same name."""
    facts = {"name": function_id, "pid": 1, "runtime": "python", "version": "1.0.0"}
    trigger = {"id": function_id, "trigger_type": "http", "function_id": function_id}
    config = {"api_path": function_id, "http_method": "POST"}
    for message in (
        {"type": "registerfunction", "id": function_id},
        {"type": "registertrigger", **trigger, "config": config},
        call_of("engine::workers::register", facts, "register"),
    ):
        await socket.send(json.dumps(message))
    while json.loads(await socket.recv()).get("invocation_id") != "register":
        pass


def call_of(function_id: str, data: Any, invocation_id: str) -> dict[str, Any]:
    """Return a call."""
    call = {"type": "invokefunction", "function_id": function_id, "data": data}
    return {**call, "invocation_id": invocation_id}


async def answer(socket: ClientConnection) -> None:
    """Answer every call with the number it came with."""
    async for frame in socket:
        message = json.loads(frame)
        if message["type"] == "invokefunction":
            data = message["data"]
            number = data["body"]["number"] if "body" in data else data["number"]
            result = {"type": "invocationresult", "invocation_id": message["invocation_id"]}
            await socket.send(json.dumps({**result, "result": {"number": number}}))


async def call(socket: ClientConnection, function_id: str, number: int) -> Any:
    """Call a function and return the answer."""
    await socket.send(json.dumps(call_of(function_id, {"number": number}, str(number))))
    while True:
        message = json.loads(await socket.recv())
        if message.get("invocation_id") == str(number):
            return message.get("result", message)


async def request(port: int, function_id: str, number: int) -> Any:
    """Send a request to the HTTP trigger of a function and return the answer."""
    body = json.dumps({"number": number})
    head = f"POST /{function_id} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write((head + body).encode())
    answered = await reader.read()
    writer.close()
    return json.loads(answered.partition(b"\r\n\r\n")[2] or b"null")


async def run(order: Bystander) -> Testimony:
    """Call until nobody needs it any more."""
    function_id = f"bystander-{uuid.uuid4()}"
    worker, caller = await open_socket(order.worker_port), await open_socket(order.worker_port)
    await offer(worker, function_id)
    answering = asyncio.create_task(answer(worker))
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    latencies_ms: list[float] = []
    wrong: list[str] = []
    print("ready", flush=True)
    while not over.done():
        number = len(latencies_ms)
        started = perf_counter()
        try:
            async with asyncio.timeout(ANSWER_S):
                if number % 2:
                    found = await call(caller, function_id, number)
                else:
                    found = await request(order.http_port, function_id, number)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            found = repr(error)
        latencies_ms.append((perf_counter() - started) * 1000)
        if found != {"number": number}:
            wrong.append(f"call {number}: {found!r}"[:300])
        await asyncio.sleep(PAUSE_S)
    answering.cancel()
    ordered = sorted(latencies_ms)
    return Testimony(
        calls=len(ordered),
        wrong=wrong[:10],
        p50_ms=round(ordered[len(ordered) // 2], 2),
        p99_ms=round(ordered[len(ordered) * 99 // 100], 2),
        longest_ms=round(ordered[-1], 2),
    )


def main() -> None:
    """Stand by with the doors in the first argument."""
    order = msgspec.json.decode(sys.argv[1], type=Bystander)
    print(msgspec.json.encode(uvloop.run(run(order))).decode(), flush=True)


if __name__ == "__main__":
    main()
