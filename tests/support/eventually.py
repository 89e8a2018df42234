"""Waiting for what nothing announces."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PAUSE_S = 0.005
DEADLINE_S = 5.0


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return once ``holds`` answers true; fail at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not await holds():  # noqa: ASYNC110 - a row has no event
            await asyncio.sleep(PAUSE_S)
