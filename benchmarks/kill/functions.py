"""The functions of the site in the cluster: each is an HTTP trigger on every process."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.soak.topic import TOPIC
from iii_triggers import aenqueue, ainvoke, apublish, function, trigger

from .words import GROUP, NEWS, STREAM

Json = dict[str, Any]


@function("kill.site", triggers=[trigger("http", api_path="kill/site", http_method="POST")])
async def answer(data: Json) -> Json:
    """Answer after a while."""
    await asyncio.sleep(data["body"]["pause_s"])
    return {"n": data["body"]["n"]}


@function("kill.enqueue", triggers=[trigger("http", api_path="kill/enqueue", http_method="POST")])
async def put(data: Json) -> Json:
    """Put a number into the queue that is under soak."""
    await aenqueue(TOPIC, {"n": data["body"]["n"]})
    return {"n": data["body"]["n"]}


@function("kill.publish", triggers=[trigger("http", api_path="kill/publish", http_method="POST")])
async def tell(data: Json) -> Json:
    """Publish a number."""
    await apublish(NEWS, {"n": data["body"]["n"]})
    return {"n": data["body"]["n"]}


@function("kill.set", triggers=[trigger("http", api_path="kill/set", http_method="POST")])
async def change(data: Json) -> Json:
    """Set an item of the stream."""
    n, item_id = data["body"]["n"], data["body"]["item_id"]
    item = {"stream_name": STREAM, "group_id": GROUP, "item_id": item_id}
    await ainvoke("stream::set", {**item, "data": {"item_id": item_id, "n": n}})
    return {"n": n}
