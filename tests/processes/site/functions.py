"""Functions that tests recognise from outside: by their process and by the gate they wait at."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path
from typing import Any

from iii_triggers import (
    ainvoke,
    enqueue,
    fire_triggers,
    function,
    invoke,
    trigger,
    trigger_type,
)

Json = dict[str, Any]

trigger_type("site.plain", description="Fired by a command that then ends.")
trigger_type("site.async", description="Fired by a command that then ends.")


@function("site.where", triggers=[trigger("http", api_path="where", http_method="GET")])
def where(data: Json) -> Json:
    """Tell which process runs this."""
    return {"pid": os.getpid()}


@function("site.where_async", triggers=[trigger("http", api_path="where-async", http_method="GET")])
async def where_async(data: Json) -> Json:
    """Tell which process runs this, from the event loop."""
    return {"pid": os.getpid()}


@function("site.fail", triggers=[trigger("http", api_path="fail", http_method="POST")])
def fail(data: Json) -> None:
    """Raise what takes two lines."""
    raise ValueError("two\nlines")


@function("site.echo", triggers=[trigger("http", api_path="echo", http_method="POST")])
async def echo(data: Json) -> Json:
    """Tell how long the body was."""
    return {"length": len(data["body"])}


@function(
    "site.wait",
    triggers=[
        trigger("http", api_path="wait", http_method="POST"),
        trigger("queue", topic="site.waits"),
    ],
)
def wait(data: Json) -> Json:
    """Enter the gate of the test and wait until it opens."""
    with socket.create_connection(("127.0.0.1", data["gate"])) as gate:
        gate.recv(1)
    return {"waited": True, "pid": os.getpid()}


@function("site.wait_async", triggers=[trigger("http", api_path="wait-async", http_method="POST")])
async def wait_async(data: Json) -> Json:
    """Enter the gate of the test and wait until it opens, on the event loop."""
    reader, writer = await asyncio.open_connection("127.0.0.1", data["gate"])
    await reader.read(1)
    writer.close()
    return {"waited": True, "pid": os.getpid()}


@function(
    "site.stuck",
    triggers=[
        trigger("http", api_path="stuck", http_method="POST"),
        trigger("queue", topic="site.stuck"),
    ],
)
def stuck(data: Json) -> None:
    """Enter the gate and never come back."""
    with socket.create_connection(("127.0.0.1", data["gate"])):
        time.sleep(3600)


@function("site.invoke", triggers=[trigger("http", api_path="invoke", http_method="POST")])
def invoke_another(data: Json) -> Json:
    """Run another function with ``invoke``, from a thread."""
    return {"pid": os.getpid(), "result": invoke(data["function_id"], {"from": "invoke"})}


@function("site.ainvoke", triggers=[trigger("http", api_path="ainvoke", http_method="POST")])
async def ainvoke_another(data: Json) -> Json:
    """Run another function with ``ainvoke``, from the event loop."""
    return {"pid": os.getpid(), "result": await ainvoke(data["function_id"], {"from": "ainvoke"})}


@function("site.write", triggers=[trigger("site.plain")])
def write(data: Json) -> None:
    """Write a file after a while."""
    time.sleep(0.3)
    Path(data["path"]).write_text("plain")


@function("site.write_async", triggers=[trigger("site.async")])
async def write_async(data: Json) -> None:
    """Write a file after a while, on the event loop."""
    await asyncio.sleep(0.3)
    await asyncio.to_thread(Path(data["path"]).write_text, "async")


@function("site.fire", triggers=[trigger("http", api_path="fire", http_method="POST")])
def fire(data: Json) -> Json:
    """Fire triggers of a type of the site."""
    return {"pid": os.getpid(), "fired": fire_triggers(data["type"], {"path": data["target"]})}


@function("site.enqueue", triggers=[trigger("http", api_path="enqueue", http_method="POST")])
def enqueue_message(data: Json) -> Json:
    """Publish a message from the engine's own process."""
    return {"ids": enqueue(data["topic"], data["data"])}


@function("site.mark", triggers=[trigger("queue", topic="site.marks")])
def mark(data: Json) -> None:
    """Write which process ran this, and when."""
    Path(data["path"]).write_text(f"{os.getpid()} {time.time()}")
