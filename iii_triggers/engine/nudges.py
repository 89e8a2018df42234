"""Nudges: nodes tell each other that there are changes to read.

A nudge says only that it is worth looking now. Many changes are one nudge, and one that is lost
costs nothing: every node looks for changes by itself too, each ``III_SYNC_INTERVAL_S``.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress

from .bus_messages import ChangedMessage
from .network import Network

PAUSE_S = 0.1
"""Least time between two nudges of a node, and between two of its looks at the database."""
SEND_S = 1.0
"""How long a nudge may wait to be sent; by then the others have looked."""


class Nudges:
    """Sends nudges to other nodes, and lets this one wait for theirs."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nudged = asyncio.Event()
        self._waits_to_send = False
        self._sent_at = 0.0
        network.bus.on(ChangedMessage, lambda message: self._nudged.set())

    def start(self) -> None:
        """Send nudges from now on, on the running loop."""
        self._loop, self._waits_to_send = asyncio.get_running_loop(), False

    def stop(self) -> None:
        """Send none any more."""
        self._loop = None

    def changes_committed(self) -> None:
        """Nudge all nodes, this one too, without waiting; may be called in any thread."""
        loop = self._loop
        if loop is None or self._waits_to_send:
            return
        self._waits_to_send = True
        # A loop that is closed belongs to a process that ends.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._send, loop)

    async def wait(self, longest_s: float) -> None:
        """Return when there may be changes to read, after ``longest_s`` seconds at the latest."""
        pause_s = min(PAUSE_S, longest_s)
        await asyncio.sleep(pause_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s - pause_s):
                await self._nudged.wait()
        self._nudged.clear()

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        early_s = self._sent_at + PAUSE_S - loop.time()
        if early_s > 0:
            loop.call_later(early_s, self._send, loop)
            return
        # First: what is committed from here on needs another nudge.
        self._waits_to_send = False
        self._sent_at = loop.time()
        self._nudged.set()
        message = ChangedMessage(id=uuid.uuid4().hex)
        for node in self._network.functions.nodes():
            self._network.bus.send(node.channel, message, within_s=SEND_S)
