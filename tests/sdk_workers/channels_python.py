"""A worker on a PyPI iii-sdk that has channels (0.4.1 and newer), with functions that use them.

Arguments: the engine's URL and the name of the worker, which is the first part of its paths.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import threading
from typing import Any

import iii

PIECE = bytes(range(256)) * 256
PAUSE_EVERY = 1024 * 1024


async def size(data: Any) -> Any:
    """Read the body, as slowly as the query says."""
    total, digest, pause_s = 0, hashlib.sha256(), _number(data, "pause_ms") / 1000
    async for chunk in data["request_body"].stream:
        before, total = total, total + len(chunk)
        digest.update(chunk)
        if pause_s and before // PAUSE_EVERY != total // PAUSE_EVERY:
            await asyncio.sleep(pause_s)
    return {"size": total, "sha256": digest.hexdigest(), "body": data["body"]}


async def download(data: Any) -> None:
    """Stream as many bytes as the query says."""
    writer = data["response"]
    await _order(writer, type="set_status", status_code=201)
    await _order(writer, type="set_headers", headers={"content-type": "application/x-test"})
    left = _number(data, "bytes")
    while left:
        piece = PIECE[:left]
        await writer.write(piece)
        left -= len(piece)
    await writer.close_async()


async def events(data: Any) -> None:
    """Send three events, the last two when the body says so."""
    writer = data["response"]
    headers = {"content-type": "text/event-stream", "connection": "keep-alive"}
    await _order(writer, type="set_headers", headers=headers)
    for number in range(3):
        await writer.write(b"data: %d\n\n" % number)
        await asyncio.sleep(0.05)
    await writer.close_async()


async def late(data: Any) -> None:
    """Return nothing before the writer has even begun to connect."""

    async def write() -> None:
        await _order(data["response"], type="set_status", status_code=202)
        await data["response"].write(b"late")
        await data["response"].close_async()

    tasks.append(asyncio.get_running_loop().create_task(write()))


async def void(data: Any) -> None:
    """Do nothing."""


async def total(data: Any) -> Any:
    """Read a channel of another worker and answer what was in it."""
    texts: list[str] = []
    data["numbers"].on_message(texts.append)
    content = await data["numbers"].read_all()
    return {"sum": sum(content), "size": len(content), "texts": texts}


tasks: list[asyncio.Task[None]] = []
FUNCTIONS = {f.__name__: f for f in (size, download, events, late, void, total)}
POSTED = ("size",)


async def _order(writer: Any, **order: Any) -> None:
    await writer.send_message_async(json.dumps(order))


def _number(data: Any, key: str) -> int:
    return int(data["query_params"].get(key, "0"))


def _config(name: str, function: str) -> dict[str, str]:
    method = "POST" if function in POSTED else "GET"
    return {"api_path": f"{name}/{function}", "http_method": method}


async def relay(client: Any, data: Any) -> Any:
    """Open a channel, give its reader to another function, and write."""
    function_id = data["query_params"]["function_id"]
    channel = await _create(client)
    reader = channel.reader_ref
    ref = reader.model_dump() if hasattr(reader, "model_dump") else reader
    call = asyncio.ensure_future(_call(client, function_id, {"numbers": ref}))
    await channel.writer.send_message_async("text")
    await channel.writer.write(bytes([1, 2, 3]) * 100_000)
    await channel.writer.close_async()
    return await call


async def _create(client: Any) -> Any:
    if hasattr(client, "_async_create_channel"):
        return await client._async_create_channel()
    if hasattr(iii, "register_worker"):
        from iii.helpers import create_channel_async

        return await create_channel_async(client)
    return await client.create_channel()


async def _call(client: Any, function_id: str, payload: Any) -> Any:
    request = {"function_id": function_id, "payload": payload}
    if hasattr(iii, "register_worker"):
        return await (getattr(client, "trigger_async", None) or client._async_trigger)(request)
    return await client.call(function_id, payload)


def _register(client: Any, name: str) -> None:
    async def relaying(data: Any) -> Any:
        return await relay(client, data)

    old = not hasattr(iii, "register_worker")
    for function, handler in {**FUNCTIONS, "relay": relaying}.items():
        id_ = f"{name}.{function}"
        takes_dict = not old and "register_service" in dir(client)
        client.register_function({"id": id_} if takes_dict else id_, handler)
        if function != "total":
            config = _config(name, function)
            if old:
                client.register_trigger("http", id_, config)
            else:
                client.register_trigger({"type": "http", "function_id": id_, "config": config})


def _say_ready() -> None:
    print(json.dumps({"event": "READY"}), flush=True)


async def _run_old(url: str, name: str) -> None:
    client = iii.III(url, iii.InitOptions(worker_name=name))
    _register(client, name)
    await client.connect()
    _say_ready()
    await asyncio.Event().wait()


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


def main(url: str, name: str) -> None:
    """Serve until stdin ends."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    if not hasattr(iii, "register_worker"):
        asyncio.run(_run_old(url, name))
        return
    _register(iii.register_worker(url, iii.InitOptions(worker_name=name)), name)
    _say_ready()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
