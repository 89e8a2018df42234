"""Stream clients on every process: they come back, and know at the end what the database knows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from .words import GROUP, STREAM

RETRY_S = 0.3
OPEN_S = 15.0
CHANGES = ("create", "update")


@dataclass(slots=True, kw_only=True)
class Follower:
    """One client and what it knows."""

    door: str
    url: str
    items: dict[str, int] = field(default_factory=dict)
    """Number by item."""
    connections: int = 0
    syncs: int = 0
    events: int = 0
    gaps: int = 0
    """How often numbers were left out, so that it asked for them."""
    backwards: list[str] = field(default_factory=list)
    """Where a number was not larger than the one before."""
    last: int | None = None
    """The last sequence number."""

    async def follow(self) -> None:
        """Follow the stream for ever, over one connection after the other."""
        while True:
            try:
                async with connect(self.url, open_timeout=OPEN_S, proxy=None) as socket:
                    self.connections += 1
                    await socket.send(json.dumps({"type": "join", "data": self._target()}))
                    async for frame in socket:
                        if not self._take(json.loads(frame)):
                            break
            except (OSError, WebSocketException):
                pass
            await asyncio.sleep(RETRY_S)

    def _target(self) -> dict[str, Any]:
        target: dict[str, Any] = {"subscriptionId": "kill", "streamName": STREAM, "groupId": GROUP}
        return target if self.last is None else {**target, "since": self.last}

    def _take(self, frame: dict[str, Any]) -> bool:
        """Take a frame; tell whether to go on with this connection."""
        event = frame.get("event", {})
        kind, seq = event.get("type"), frame.get("seq")
        if kind == "sync":
            self.syncs += 1
            self.items = {item["item_id"]: item["n"] for item in event["data"]}
            self.last = seq
        elif kind in CHANGES:
            self.events += 1
            if not self._count(seq):
                return False
            self.items[event["data"]["item_id"]] = event["data"]["n"]
        return True

    def _count(self, seq: int | None) -> bool:
        """Take the number of an event; tell whether it is the next one."""
        if seq is None or self.last is None:
            return True
        if seq > self.last + 1:
            self.gaps += 1
            return False
        if seq <= self.last:
            self.backwards.append(f"{self.door}: {seq} after {self.last}")
        self.last = seq
        return True


def followers(urls: Mapping[str, str], *, each: int = 2) -> list[Follower]:
    """Return clients, ``each`` of them for every door."""
    return [Follower(door=door, url=url) for door, url in urls.items() for _ in range(each)]
