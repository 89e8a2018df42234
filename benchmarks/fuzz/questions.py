"""Questions to the engine, one connection each."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import connect

OPEN_S = 30.0


async def ask(host: str, port: int, function_id: str, data: Any = None) -> Any:
    """Call a function of the engine and return its result."""
    url = f"ws://{host}:{port}"
    async with connect(url, compression=None, proxy=None, open_timeout=OPEN_S) as socket:
        call = {"type": "invokefunction", "function_id": function_id, "data": data or {}}
        await socket.send(json.dumps({**call, "invocation_id": "question"}))
        while (answer := json.loads(await socket.recv())).get("invocation_id") != "question":
            pass
        return answer["result"]


async def new_channel(host: str, port: int) -> str:
    """Make a channel and return the path of its ends, up to the direction."""
    writer = (await ask(host, port, "engine::channels::create"))["writer"]
    return f"/ws/channels/{writer['channel_id']}?key={quote(writer['access_key'])}&dir="
