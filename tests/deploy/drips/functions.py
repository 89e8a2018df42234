"""A function whose answer comes in two parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from iii_triggers import function, trigger
from iii_triggers.channels import arespond


@function("site.drip", triggers=[trigger("http", api_path="drip", http_method="GET")])
async def drip(data: dict[str, Any]) -> None:
    """Send the one part, enter the gate of the test, and send the other when it opens."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", int(data["gate"]))
        await reader.read(1)
        writer.close()
        yield b"data: second\n\n"

    await arespond(data, parts(), headers={"content-type": "text/event-stream"})
